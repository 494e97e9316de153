# Needs Python 3.11 or newer, git and make; everything else is installed into .venv from PyPI.

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 3000
ARGS ?=
TRIALS ?= 60
SEED ?= 1
LEDGER ?= sqlite
WORKERS ?= 3
FAULT ?=
PER_FORMAT ?= 300
SECONDS ?= 600
TRIAL ?=

BIN := .venv/bin
INSTALLED := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo dev api openapi test guards bench memory shown faults odd-files fuzz lint lock clean dagster-home

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(INSTALLED) ## create .venv from requirements.lock; does nothing while it is up to date

demo: setup ## files, queue, Dagster and its web UI on this machine; ARGS=--exit ends when all rows have arrived
	$(BIN)/ingest demo $(ARGS)

# Runs in the folder with the link to dagster.yaml: elsewhere Dagster warns that it will not read it. `dagster dev`
# itself warns that `dg dev` supersedes it, which does nothing else for a project with a workspace.yaml.
dev: export DAGSTER_HOME := $(CURDIR)/.dagster
dev: export INGEST_CONFIG := $(abspath $(or $(INGEST_CONFIG),ingest.yaml))
dev: export PYTHONWARNINGS := ignore:Function `dev_command` is superseded
dev: setup dagster-home ## `dagster dev` on ingest.yaml; HOST and PORT say where, ARGS adds options
	@cd .dagster && exec $(CURDIR)/$(BIN)/ingest dev --workspace ../workspace.yaml --host $(HOST) --port $(PORT) $(ARGS)

api: export INGEST_CONFIG := $(abspath $(or $(INGEST_CONFIG),ingest.yaml))
api: setup ## jobs over HTTP, by `api` and `jobs` of ingest.yaml; ARGS adds options, like --port 8081
	@exec $(BIN)/ingest api $(ARGS)

openapi: setup ## write docs/openapi.json, the document of the API, again
	$(BIN)/python -m ingest_project.api.openapi > docs/openapi.json.new
	@mv docs/openapi.json.new docs/openapi.json

test: setup ## pytest; ARGS picks tests and options
	$(BIN)/pytest $(ARGS)

guards: setup ## verify that each guard of exactly-once has a test that fails without it
	$(BIN)/pytest ingest_project_tests/guards.py $(ARGS)

memory: setup ## peak memory of a run over objects of 100 MB to 5 GB (about ten minutes, 6 GB of disk)
	$(BIN)/python -m ingest_project_tests.bench.memory $(ARGS)

bench: setup ## make docs/performance.md: speed and memory beside others, growth (25 minutes); ARGS=--quick, or a part
	$(BIN)/python -m ingest_project_tests.bench $(ARGS)

shown: setup ## a reconciliation of 20,000 objects, a first load that is killed, the sink, raw messages; ARGS=lost, load, sink, raw
	$(BIN)/python -m ingest_project_tests.demonstrations $(ARGS)

faults: setup ## try to break exactly-once: TRIALS, SEED, LEDGER=sqlite or postgres, WORKERS, FAULT
	$(BIN)/python -m ingest_project_tests.fault_trials --trials $(TRIALS) --seed $(SEED) --ledger $(LEDGER) \
		--workers $(WORKERS) $(if $(FAULT),--fault $(FAULT)) $(if $(TRIAL),--trial $(TRIAL)) $(ARGS)

odd-files: setup ## read PER_FORMAT odd and damaged files of each format, made from SEED, and list the results
	$(BIN)/python -m ingest_project_tests.odd_files --seed $(SEED) --per-format $(PER_FORMAT) $(ARGS)

fuzz: setup ## read files with random changes for SECONDS; files that break something are kept in .fuzz
	$(BIN)/python -m ingest_project_tests.odd_files.fuzz --seed $(SEED) --seconds $(SECONDS) $(ARGS)

lint: setup ## ruff, mypy and import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

lock: setup ## create requirements.lock again from pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 \
		--generate-hashes --no-header --quiet -o requirements.lock

clean: ## remove .venv and all caches; .dagster, with the ledger and tables of `make dev`, stays
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find ingest_project ingest_project_tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Dagster reads dagster.yaml from DAGSTER_HOME and stores its data there: logs, and the ledger, closed to others.
dagster-home:
	@mkdir -p .dagster && chmod 700 .dagster
	@ln -sfn ../dagster.yaml .dagster/dagster.yaml

# pip installs uv, at the version and with the hashes of the lock; uv installs the rest many times faster. Each run is a
# process of its own: where Python may not write bytecode, imports without bytecode take three times as long.
$(INSTALLED): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, $(PYTHON) is %d.%d; try `make setup PYTHON=python3.12`" % sys.version_info[:2])'
	$(PYTHON) -m venv .venv
	awk '/^[^ #]/ {uv = /^uv==/} uv' requirements.lock > .venv/uv.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.txt
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

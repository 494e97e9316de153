import subprocess
import sys
from pathlib import Path

import pytest

from ingest_project.errors import SettingsError
from ingest_project.settings.load import load_settings
from ingest_project_tests.settings.factories import MINIMAL, problems_of, write

ROOT = Path(__file__).parents[2]
SECRET = "hunter2"


def test_the_file_is_the_one_given_else_the_one_named_by_the_environment_else_the_one_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, region in (("given", "eu-west-1"), ("named", "eu-west-2"), ("here", "eu-west-3")):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder, f"aws: {{region: {region}}}\n{MINIMAL}")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.delenv("INGEST_CONFIG", raising=False)
    here = load_settings()
    monkeypatch.setenv("INGEST_CONFIG", str(tmp_path / "named" / "ingest.yaml"))
    named = load_settings()
    given = load_settings(tmp_path / "given" / "ingest.yaml")

    assert (given.aws.region, named.aws.region, here.aws.region) == ("eu-west-1", "eu-west-2", "eu-west-3")


def test_the_shipped_settings_are_sound_in_an_empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "INGEST_STATE_DIR", "LANDING_QUEUE_URL", "LANDING_BUCKET"):
        monkeypatch.delenv(name, raising=False)

    settings = load_settings(ROOT / "ingest.yaml")

    assert [table.name for table in settings.tables] == ["sales.orders", "web.clicks", "fleet.devices"]
    assert settings.ledger.url == f"sqlite:///{ROOT}/.dagster/ledger.db"
    assert settings.catalog.properties["warehouse"] == f"file://{ROOT}/.dagster/warehouse"


def test_the_environment_moves_the_shipped_settings_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INGEST_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("LANDING_BUCKET", "my-bucket")
    monkeypatch.setenv("LANDING_QUEUE_URL", "http://127.0.0.1:5000/1/q")

    settings = load_settings(ROOT / "ingest.yaml")

    assert settings.ledger.url == f"sqlite:///{tmp_path}/ledger.db"
    assert settings.catalog.properties["warehouse"] == f"file://{tmp_path}/warehouse"
    assert settings.queue("landing").url == "http://127.0.0.1:5000/1/q"
    assert {table.bucket for table in settings.tables} == {"my-bucket"}


def test_an_unquoted_date_and_an_unquoted_reference_are_typed_as_people_mean_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRAIN", "no")
    text = MINIMAL.replace("  - name: landing\n", "  - name: landing\n    enabled: ${DRAIN}\n")
    text += "    partition: {every: day, start: 2026-01-01, from: event_time}\n"

    settings = load_settings(write(tmp_path, text))

    assert settings.queue("landing").enabled is False
    partition = settings.table("sales.orders").partition
    assert partition is not None
    assert partition.start == "2026-01-01"


def test_all_faults_are_told_at_once_in_the_order_of_their_lines(tmp_path: Path) -> None:
    text = """\
aws: {regoin: us-east-1}
queues:
  - {name: landing, url: "${INGEST_TEST_UNSET}", enabled: "true"}
tables:
  - {name: sales.orders, queue: other, bucket: acme-landing, format: csv, columns: {a: strng}}
  - {name: web.clicks, queue: landing, bucket: acme-landing, format: csw}
  - {name: web.clicks, name: web.pages, queue: landing, bucket: acme-landing, format: csv}
"""

    problems = problems_of(tmp_path, text)

    assert [problem.split(": ")[:2] for problem in problems] == [
        ["1", "aws.regoin"],
        ["3", "queues[0].enabled"],
        ["3", "queues[0].url"],
        ["5", "tables[0].columns.a"],
        ["5", "tables[0].queue"],
        ["6", "tables[1].format"],
        ["7", "tables[2].name"],
    ]


def test_a_missing_variable_is_told_once_with_its_line_and_remedy(tmp_path: Path) -> None:
    text = f"aws: {{role_arn: '${{INGEST_TEST_UNSET}}'}}\n{MINIMAL}"

    (problem,) = problems_of(tmp_path, text)

    assert problem == (
        "1: aws.role_arn: the environment variable INGEST_TEST_UNSET is not set; "
        "set it, or give a default: ${INGEST_TEST_UNSET:-...}"
    )


@pytest.mark.parametrize(
    "line",
    [
        "ledger: {url: mysql://u:hunter2@h/db}",
        "ledger: {url: [hunter2]}",
        "ledger: {url: '${INGEST_TEST_SECRET}', urll: '${INGEST_TEST_SECRET}'}",
        "catalog: {uri: [hunter2], type: hunter2}",
        "catalog: {token: {a: hunter2}}",
        "aws: {external_id: hunter2}",
        "aws: {role_arn: hunter2, region: [hunter2]}",
        "ledger: {url: *hunter2}",
        "ledger: {url: !hunter2 x}",
        'ledger: {url: "hunter2}',
    ],
)
def test_a_value_that_may_be_secret_is_never_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.setenv("INGEST_TEST_SECRET", SECRET)

    problems = problems_of(tmp_path, f"{line}\n{MINIMAL}")

    assert problems
    assert SECRET not in "\n".join(problems)


def test_the_message_names_the_file_as_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, MINIMAL.replace("queue: landing", "queue: lnding"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("INGEST_CONFIG", raising=False)

    with pytest.raises(SettingsError, match=r"^ingest\.yaml:6: tables\[0\]\.queue: "):
        load_settings()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1: the file is empty"),
        ("~", "1: keys and values are expected, not nothing"),
        ("- 1", "1: keys and values are expected, not a list"),
        ("queues: [", "1: not valid YAML"),
        ("queues: 5\ntables: []\n", "1: queues: a list is expected, not a number"),
        ("queues: [{}]\ntables: [5]\n", "1: queues[0].name: is missing"),
    ],
)
def test_a_file_that_is_no_settings_at_all_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    problems = problems_of(tmp_path, text)

    assert problems[0].startswith(problem)


def test_a_file_that_cannot_be_read_is_a_settings_error(tmp_path: Path) -> None:
    (tmp_path / "latin1.yaml").write_bytes(b"\xff")

    with pytest.raises(SettingsError, match=r"cannot be read .*INGEST_CONFIG"):
        load_settings(tmp_path / "missing.yaml")
    with pytest.raises(SettingsError, match="not UTF-8"):
        load_settings(tmp_path / "latin1.yaml")


def test_loading_settings_imports_no_heavy_library() -> None:
    heavy = "{'dagster', 'polars', 'pyarrow', 'pyiceberg', 'boto3', 'sqlalchemy', 'obstore'}"
    code = f"import sys, ingest_project.settings.load; print({heavy} & set(sys.modules))"

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)

    assert found.stdout.strip() == "set()"

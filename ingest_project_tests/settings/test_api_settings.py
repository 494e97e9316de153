from pathlib import Path

import pytest

from ingest_project.settings.api_settings import Rate, is_loopback
from ingest_project.settings.load import load_settings
from ingest_project_tests.settings.factories import MINIMAL, problems_of, write

JOBS = MINIMAL.replace(
    "queues:\n", 'queues:\n  - {name: work, url: "http://127.0.0.1:1/1/work", source: jobs}\n'
)
JOBS += "jobs: {}\n"


def test_the_defaults_are_loopback_and_bounded(tmp_path: Path) -> None:
    api = load_settings(write(tmp_path, JOBS + "api: {tokens: {file: secrets/tokens.json}}\n")).api

    assert api is not None
    assert (api.host, api.port, api.open) == ("127.0.0.1", 8080, False)
    assert api.rate == Rate(600, 60.0)
    assert api.max_body_bytes > 262_144
    assert api.tokens is not None
    assert api.tokens.file == str(tmp_path / "secrets" / "tokens.json")


def test_the_keys_of_jwts_may_be_in_a_file_beside_the_settings(tmp_path: Path) -> None:
    text = "api: {host: 0.0.0.0, jwt: {jwks_file: jwks.json, issuer: a, audience: b}}\n"

    api = load_settings(write(tmp_path, JOBS + text)).api

    assert api is not None
    assert api.jwt is not None
    assert api.jwt.jwks_file == str(tmp_path / "jwks.json")
    assert api.jwt.algorithms == ["RS256", "ES256"]


@pytest.mark.parametrize(
    ("api", "said"),
    [
        ("{}", "nobody is authorized; add `tokens: {file: tokens.json}`"),
        ("{open: false}", "nobody is authorized"),
        ("{open: true, host: 0.0.0.0}", "only for a loopback host; set `host: 127.0.0.1`"),
        ("{open: true, tokens: {file: t}}", "contradict each other; remove one"),
        ("{tokens: {}}", "write either `file` or `secret`"),
        ("{tokens: {file: a, secret: b}}", "write either `file` or `secret`"),
        ('{tokens: {secret: "hunter2 is it"}}', "write its name or its ARN, never the secret itself"),
        (
            "{tokens: {file: t}, rate_limit: fast}",
            "write a number of requests and a length",
        ),
        ("{tokens: {file: t}, rate_limit: 0/1m}", "not a rate"),
        ("{tokens: {file: t}, rate_limit: 5/soon}", "not a length of time"),
        ("{tokens: {file: t}, port: 0}", "must be at least 1"),
        ("{tokens: {file: t}, max_body_bytes: 10}", "must be at least 1024"),
        ("{tokens: {file: t}, host: 'http://x/'}", "write an address, like 127.0.0.1"),
        ("{jwt: {issuer: a, audience: b}}", "write either `jwks_url` or `jwks_file`"),
        ("{jwt: {jwks_url: 'http://keys.example/', issuer: a, audience: b}}", "write an https:// URL"),
        ("{jwt: {jwks_url: 'https://u:hunter2@k.example/', issuer: a, audience: b}}", "without a user"),
        ("{jwt: {jwks_file: f, issuer: a, audience: b, algorithms: [HS256]}}", "must be RS256, RS384"),
        ("{jwt: {jwks_file: f, audience: b}}", "is missing; add it"),
        ("{tokens: {file: t}, cors: true}", "unknown key"),
    ],
)
def test_a_fault_is_told_with_its_remedy_and_without_values(tmp_path: Path, api: str, said: str) -> None:
    (problem,) = problems_of(tmp_path, JOBS + f"api: {api}\n")

    assert said in problem
    assert "api" in problem
    assert "hunter2" not in problem


def test_an_api_without_jobs_is_refused(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, MINIMAL + "api: {tokens: {file: t}}\n")

    assert "there are no `jobs` to ask for; add them" in problem


def test_loopback_is_what_only_this_machine_reaches() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.9.9.9", "::1", "localhost")))
    others = ("0.0.0.0", "::", "10.0.0.1", "localhost.example", "")  # noqa: S104
    assert not any(map(is_loopback, others))

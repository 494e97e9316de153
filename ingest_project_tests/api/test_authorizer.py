"""Who is let in: tokens of a file, tokens of a secret, JWTs, and an API that is open."""

import hashlib
import hmac
import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import boto3
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from jwt.utils import base64url_encode

from ingest_project.api.authorizer import bearer_token
from ingest_project.api.jwt_keys import KeyUrl, key_file, parse_keys
from ingest_project.api.jwt_requesters import JwtRequesters
from ingest_project.api.requester import Requester
from ingest_project.api.secret_tokens import SecretTokens
from ingest_project.api.tokens import Tokens, add_to_file, new_token, parse_tokens, token_file
from ingest_project.errors import AuthorizerUnavailable
from ingest_project.settings.api_settings import JwtSettings
from ingest_project.settings.clocks import utc_now
from ingest_project_tests.api.world import ANN, INGEST, ApiWorld, fields, problem

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
ISSUER, AUDIENCE = "https://issuer.example", "ingest"


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


def test_without_a_valid_token_nothing_is_answered_and_nothing_is_queued(world: ApiWorld) -> None:
    token = world.token("ann", *ANN)
    for header in (
        None, "", token, f"Basic {token}", "Bearer", f"Bearer {token}x", f"Bearer {token[:-1]}",
        "Bearer caf\u00e9", "Bearer " + "a" * 9_000,
    ):  # fmt: skip
        headers = {} if header is None else {"Authorization": header.encode("latin-1")}
        for method, path in (
            ("GET", "/jobs"),
            ("GET", "/kinds"),
            ("GET", "/metrics"),
            ("POST", "/submit-job"),
        ):
            answer = world.nobody.request(method, path, headers=headers)  # type: ignore[arg-type]
            if answer.status_code != 429:  # strangers are slowed down, too
                assert problem(answer, 401)["type"] == "urn:ingest:problem:unauthorized"
                assert answer.headers["www-authenticate"].startswith("Bearer")
                assert header is None or token not in answer.text

    assert world.messages() == []


def test_two_headers_are_nobodys() -> None:
    assert bearer_token(["Bearer a", "Bearer b"]) is None
    assert bearer_token(["bearer a"]) == "a"


def test_scopes_decide_about_kinds_tables_and_metrics(world: ApiWorld) -> None:
    replay = {"job": "replay", "input": {"table": "sales.orders"}}
    clicks = {"job": "ingest", "input": {"table": "web.clicks"}}

    assert fields(world.ann.post("/submit-job", json=replay), 403) == ["job"]
    assert fields(world.ann.post("/submit-job", json=clicks), 403) == ["input.table"]
    problem(world.ann.get("/metrics"), 403)
    assert world.boss.post("/submit-job", json=replay).status_code == 202
    assert world.boss.post("/submit-job", json=clicks).status_code == 202
    assert len(world.messages()) == 2


def test_a_changed_file_counts_from_the_next_request_on(world: ApiWorld) -> None:
    assert world.ann.get("/jobs").status_code == 200

    made = new_token("ann", ["metrics"], None)
    add_to_file(world.tokens_path, made.entry, replaces=True)
    problem(world.ann.get("/jobs"), 401)
    assert world.client(made.token).get("/metrics").status_code == 200

    world.tokens_path.write_text("{")
    unavailable = world.client(made.token).get("/metrics")
    assert problem(unavailable, 503)["detail"].startswith("who may use the API cannot be read")
    assert str(world.tokens_path) not in unavailable.text


def test_a_token_is_kept_as_its_digest_in_a_file_for_its_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    made = new_token("ann", ["job:*"], None)
    add_to_file(path, made.entry, replaces=False)

    assert made.token not in path.read_text()
    assert made.token not in repr(made)
    assert made.token.startswith("ingest_")
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["tokens.json"]


def test_an_expired_token_is_nobodys(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    made = new_token("ann", ["job:*"], NOW)
    add_to_file(path, made.entry, replaces=False)

    before = Tokens(token_file(path), lambda: NOW - timedelta(seconds=1)).requester(made.token)
    at = Tokens(token_file(path), lambda: NOW).requester(made.token)

    assert before == Requester("ann", frozenset({"job:*"}))
    assert at is None


def test_a_list_of_tokens_with_faults_names_them_and_repeats_no_value() -> None:
    entry = new_token("ann", ["job:*"], None).entry
    for change, said in (
        ({"sha256": "hunter2"}, "tokens.0.sha256"),
        ({"scopes": ["job:hunter2!"]}, "tokens.0.scopes.0"),
        ({"name": "../hunter2"}, "tokens.0.name"),
        ({"token": "hunter2"}, "tokens.0.token"),
        ({"expires_at": "2026-11-30T12:00:00"}, "tokens.0.expires_at"),
    ):
        with pytest.raises(ValueError, match=said) as caught:
            parse_tokens(json.dumps({"tokens": [entry | change]}))
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "scope"), [("a b", "job:*"), ("ann", "job:../x"), ("ann", "all"), ("", "metrics")]
)
def test_a_token_needs_a_name_and_scopes_that_are_valid(name: str, scope: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        new_token(name, [scope], None)


def test_tokens_of_a_secret_are_let_in(make_world: Callable[..., ApiWorld]) -> None:
    world = make_world(tokens={"secret": "ingest/tokens"})
    made = new_token("ann", ANN, None)
    client = boto3.client("secretsmanager")
    client.create_secret(Name="ingest/tokens", SecretString=json.dumps({"tokens": [made.entry]}))

    assert world.client(made.token).get("/jobs").status_code == 200
    problem(world.client("ingest_other").get("/jobs"), 401)


def test_a_secret_that_is_absent_lets_nobody_in(make_world: Callable[..., ApiWorld]) -> None:
    world = make_world(tokens={"secret": "ingest/tokens"})

    problem(world.client("ingest_some").get("/jobs"), 503)


def test_a_secret_is_asked_for_once_a_minute_and_its_last_list_outlives_a_short_outage() -> None:
    clock, asked = Clock(), 0
    answers: list[Any] = []

    def read() -> str:
        nonlocal asked
        asked += 1
        if isinstance(answers[-1], Exception):
            raise answers[-1]
        return json.dumps({"tokens": answers[-1]})

    answers.append([new_token("ann", ["metrics"], None).entry])
    source = SecretTokens(read, clock)
    for _ in range(3):
        assert [one.name for one in source.value()] == ["ann"]
    assert asked == 1
    clock.seconds += 60
    answers.append([])
    assert source.value() == ()
    answers.append(AuthorizerUnavailable("away"))
    clock.seconds += 60
    assert source.value() == ()
    clock.seconds += 900
    with pytest.raises(AuthorizerUnavailable):
        source.value()


# JWTs


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


@pytest.fixture(scope="module")
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def jwk(key: Any, kid: str | None, **more: str) -> dict[str, Any]:
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    found: dict[str, Any] = algorithm.to_jwk(key.public_key(), as_dict=True)
    return found | ({} if kid is None else {"kid": kid}) | more


def jwks(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": list(keys)}).encode()


def signed(key: Any, kid: str | None, algorithm: str = "RS256", **changes: Any) -> str:
    claims = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "ann@example.com", "exp": utc_now() + timedelta(minutes=5),
        "scope": "openid job:ingest table:*",
    } | changes  # fmt: skip
    given = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(given, key, algorithm, headers={} if kid is None else {"kid": kid})


@pytest.fixture
def jwts(tmp_path: Path, rsa_key: rsa.RSAPrivateKey, ec_key: ec.EllipticCurvePrivateKey) -> JwtRequesters:
    path = tmp_path / "jwks.json"
    path.write_bytes(jwks(jwk(rsa_key, "one"), jwk(ec_key, "two")))
    settings = JwtSettings(jwks_file=str(path), issuer=ISSUER, audience=AUDIENCE)
    return JwtRequesters(settings, key_file(path))


def test_a_jwt_of_the_issuer_for_the_audience_is_let_in_with_its_scopes(
    jwts: JwtRequesters, rsa_key: rsa.RSAPrivateKey, ec_key: ec.EllipticCurvePrivateKey
) -> None:
    ann = Requester("jwt:ann@example.com", frozenset({"job:ingest", "table:*"}))

    assert jwts.requester(signed(rsa_key, "one")) == ann
    assert jwts.requester(signed(ec_key, "two", "ES256")) == ann
    listed = signed(rsa_key, "one", scope=None, scp=["metrics", 7, "other"])
    assert jwts.requester(listed) == Requester("jwt:ann@example.com", frozenset({"metrics"}))
    assert jwts.requester(signed(rsa_key, "one", scope={"a": 1})) == Requester("jwt:ann@example.com")


def test_any_other_jwt_is_nobodys(jwts: JwtRequesters, rsa_key: rsa.RSAPrivateKey) -> None:
    stranger = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    header, claims, signature = signed(rsa_key, "one").split(".")
    tokens = {
        "another key": signed(stranger, "one"),
        "an unknown key": signed(rsa_key, "three"),
        "no key id": signed(rsa_key, None),
        "expired": signed(rsa_key, "one", exp=utc_now() - timedelta(minutes=5)),
        "not yet": signed(rsa_key, "one", nbf=utc_now() + timedelta(minutes=5)),
        "without an end": signed(rsa_key, "one", exp=None),
        "another issuer": signed(rsa_key, "one", iss="https://other.example"),
        "no issuer": signed(rsa_key, "one", iss=None),
        "another audience": signed(rsa_key, "one", aud="other"),
        "no audience": signed(rsa_key, "one", aud=None),
        "nobody": signed(rsa_key, "one", sub=None),
        "a name with control characters": signed(rsa_key, "one", sub="ann\n"),
        "an algorithm that is not allowed": signed(rsa_key, "one", "RS512"),
        "the key of another algorithm": signed(rsa_key, "two"),
        "unsigned": jwt.encode({"sub": "ann"}, "", "none"),
        "changed": f"{header}.{claims[:-2]}AA.{signature}",
        "half": f"{header}.{claims}",
        "not a token": "a.b.c",
    }

    assert {why: jwts.requester(token) for why, token in tokens.items() if jwts.requester(token)} == {}


def test_the_public_key_is_no_shared_secret(jwts: JwtRequesters, rsa_key: rsa.RSAPrivateKey) -> None:
    """The attack: an HS256 token whose secret is the public key, which everybody has."""
    secret = json.dumps(jwk(rsa_key, "one")).encode()
    header = base64url_encode(json.dumps({"alg": "HS256", "kid": "one", "typ": "JWT"}).encode())
    claims = base64url_encode(json.dumps({"sub": "ann", "iss": ISSUER, "aud": AUDIENCE, "exp": 9e9}).encode())
    message = header + b"." + claims
    signature = base64url_encode(hmac.new(secret, message, hashlib.sha256).digest())

    assert jwts.requester((message + b"." + signature).decode()) is None


def test_keys_that_cannot_verify_a_signature_are_left_out(rsa_key: rsa.RSAPrivateKey) -> None:
    short = rsa.generate_private_key(public_exponent=65_537, key_size=1_024)  # noqa: S505 - that is the point
    symmetric = {"kty": "oct", "k": "c2VjcmV0", "kid": "s"}
    keys = parse_keys(
        jwks(symmetric, jwk(short, "short"), jwk(rsa_key, "enc", use="enc"), jwk(rsa_key, "one"))
    )

    assert list(keys) == ["one"]
    for text in (b"{", b"[]", b'{"keys": 1}', jwks(symmetric)):
        with pytest.raises(ValueError, match=r"it has no public key|not a JWKS"):
            parse_keys(text)


def test_a_key_is_used_with_its_own_algorithm_only(tmp_path: Path, rsa_key: rsa.RSAPrivateKey) -> None:
    path = tmp_path / "jwks.json"
    path.write_bytes(jwks(jwk(rsa_key, "one", alg="PS256")))
    settings = JwtSettings(
        jwks_file=str(path), issuer=ISSUER, audience=AUDIENCE, algorithms=["RS256", "PS256"]
    )
    jwts = JwtRequesters(settings, key_file(path))

    assert jwts.requester(signed(rsa_key, "one", "RS256")) is None
    assert jwts.requester(signed(rsa_key, "one", "PS256")) is not None


def test_a_new_key_is_fetched_at_most_every_half_minute_and_the_old_ones_outlive_an_outage(
    rsa_key: rsa.RSAPrivateKey, ec_key: ec.EllipticCurvePrivateKey
) -> None:
    clock, fetched = Clock(), 0
    answer: bytes | None = jwks(jwk(rsa_key, "one"))

    def fetch() -> bytes:
        nonlocal fetched
        fetched += 1
        if answer is None:
            raise AuthorizerUnavailable("away")
        return answer

    keys = KeyUrl(fetch, clock)
    assert keys.key("one") is not None
    answer = jwks(jwk(ec_key, "two"))
    for number in range(100):
        assert keys.key(f"guessed-{number}") is None
    assert keys.key("two") is None
    assert fetched == 1
    clock.seconds += 30
    assert keys.key("two") is not None
    assert keys.key("one") is None
    assert fetched == 2
    answer = None
    clock.seconds += 600
    assert keys.key("two") is not None
    clock.seconds += 3_600
    with pytest.raises(AuthorizerUnavailable):
        keys.key("two")


@pytest.fixture
def jwks_url(tmp_path: Path, rsa_key: rsa.RSAPrivateKey) -> Iterator[str]:
    """A server of one JWKS."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    (tmp_path / "public").mkdir()
    (tmp_path / "public" / "jwks.json").write_bytes(jwks(jwk(rsa_key, "one")))
    handler = partial(Quiet, directory=os.fspath(tmp_path / "public"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/jwks.json"
        server.shutdown()
        thread.join()


def test_jwts_are_let_in_by_the_keys_of_a_url(
    make_world: Callable[..., ApiWorld], jwks_url: str, rsa_key: rsa.RSAPrivateKey
) -> None:
    world = make_world(jwt={"jwks_url": jwks_url, "issuer": ISSUER, "audience": AUDIENCE})

    accepted = world.client(signed(rsa_key, "one")).post("/submit-job", json=INGEST)

    assert (accepted.status_code, accepted.json()["requester"]) == (202, "jwt:ann@example.com")
    problem(world.client(signed(rsa_key, "other")).get("/jobs"), 401)


def test_without_keys_nobody_is_let_in(
    make_world: Callable[..., ApiWorld], rsa_key: rsa.RSAPrivateKey
) -> None:
    world = make_world(jwt={"jwks_url": "http://127.0.0.1:1/jwks", "issuer": ISSUER, "audience": AUDIENCE})

    problem(world.client(signed(rsa_key, "one")).get("/jobs"), 503)


# An API that is open


def test_an_open_api_lets_everybody_in_under_a_loopback_name_only(
    make_world: Callable[..., ApiWorld],
) -> None:
    world = make_world(open=True)
    port = world.url.rpartition(":")[2]

    accepted = world.nobody.post("/submit-job", json=INGEST)
    assert (accepted.status_code, accepted.json()["requester"]) == (202, "anonymous")
    for host in (f"localhost:{port}", f"[::1]:{port}", "127.0.0.1"):
        assert world.nobody.get("/jobs", headers={"Host": host}).status_code == 200
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", "[::2]"):
        problem(world.nobody.get("/jobs", headers={"Host": host}), 421)
        problem(world.nobody.post("/submit-job", json=INGEST, headers={"Host": host}), 421)

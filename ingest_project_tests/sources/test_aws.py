"""Sessions and clients against the emulator's STS and SQS, and against an environment that says nothing."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from ingest_project.errors import SettingsError
from ingest_project.settings.aws_access import AwsAccess, BucketSettings
from ingest_project.settings.model import AwsSettings
from ingest_project.sources.aws import Aws

ROLE = "arn:aws:iam::123456789012:role/ingest"


@pytest.fixture
def nothing_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_PROFILE",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


class ShortLivedSts(ThreadingHTTPServer):
    """An STS whose credentials live for a minute (the emulator's: an hour), and that records external ids."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), AssumeRoleHandler)
        self.endpoint = f"http://127.0.0.1:{self.server_port}"
        self.requests: list[dict[str, list[str]]] = []


class AssumeRoleHandler(BaseHTTPRequestHandler):
    server: ShortLivedSts

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.requests.append(parse_qs(body))
        expiration = datetime.now(UTC) + timedelta(minutes=1)
        answer = f"""<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
            <AccessKeyId>ASIA{len(self.server.requests)}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>
            <SessionToken>token</SessionToken><Expiration>{expiration:%Y-%m-%dT%H:%M:%SZ}</Expiration>
            </Credentials></AssumeRoleResult></AssumeRoleResponse>""".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        pass


@pytest.fixture
def short_lived_sts() -> Iterator[ShortLivedSts]:
    with ShortLivedSts() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_importing_the_module_does_not_load_boto3() -> None:
    program = (
        "import sys, ingest_project.sources.aws, ingest_project.sources.sqs.queue; "
        "print('botocore' in sys.modules)"
    )

    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout

    assert output.strip() == "False"


def test_clients_come_from_the_default_chain(aws: str) -> None:
    opened = Aws(AwsSettings())

    assert opened.region == "us-east-1"
    assert opened.sqs().meta.endpoint_url == aws
    assert opened.s3("any").list_buckets()["Buckets"] == []
    assert opened.sts().get_caller_identity()["Account"] == "123456789012"


def test_settings_win_over_the_environment(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")

    opened = Aws(AwsSettings(region="eu-west-3", endpoint_url=aws))

    assert (opened.sqs().meta.region_name, opened.sqs().meta.endpoint_url) == ("eu-west-3", aws)
    assert opened.session.region_name == "eu-west-3"


def test_aws_region_names_the_region_when_boto3_finds_none(
    nothing_configured: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-north-1")

    assert Aws(AwsSettings()).region == "eu-north-1"


def test_no_region_anywhere_is_a_settings_error(nothing_configured: None) -> None:
    with pytest.raises(SettingsError, match=r"aws\.region: no region; set it"):
        Aws(AwsSettings()).sqs()


def test_threads_share_one_client(aws: str) -> None:
    opened = Aws(AwsSettings())

    with ThreadPoolExecutor(8) as pool:
        clients = list(pool.map(lambda _: opened.sqs(), range(8)))

    assert len({id(client) for client in clients}) == 1


def test_calls_are_made_as_the_assumed_role(aws: str) -> None:
    identity = Aws(AwsSettings(role_arn=ROLE)).sts().get_caller_identity()

    assert identity["Arn"].endswith(":assumed-role/ingest/ingest-project")


def test_the_role_is_assumed_with_the_external_id(aws: str, short_lived_sts: ShortLivedSts) -> None:
    settings = AwsSettings(role_arn=ROLE, external_id="our-id", endpoint_url=short_lived_sts.endpoint)

    credentials = Aws(settings).session.get_credentials()

    assert credentials is not None
    assert credentials.get_frozen_credentials().access_key == "ASIA1"
    (request,) = short_lived_sts.requests
    assert request["RoleArn"] == [ROLE]
    assert request["ExternalId"] == ["our-id"]


def test_credentials_of_the_role_refresh_themselves(aws: str, short_lived_sts: ShortLivedSts) -> None:
    settings = AwsSettings(role_arn=ROLE, endpoint_url=short_lived_sts.endpoint)

    credentials = Aws(settings).session.get_credentials()

    assert credentials is not None
    assert credentials.get_frozen_credentials().access_key == "ASIA1"
    assert credentials.get_frozen_credentials().access_key == "ASIA2"


def test_the_role_is_not_assumed_before_it_is_needed(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")

    client = Aws(AwsSettings(role_arn=ROLE)).sqs()

    assert client.meta.service_model.service_name == "sqs"


def test_a_role_without_anyone_to_assume_it_is_a_settings_error(nothing_configured: None) -> None:
    with pytest.raises(SettingsError, match=r"aws\.role_arn: no AWS credentials"):
        Aws(AwsSettings(region="us-east-1", role_arn=ROLE)).sqs()


def test_a_place_has_its_own_region_and_role_and_inherits_the_rest(aws: str) -> None:
    opened = Aws(AwsSettings(role_arn=ROLE))

    there = opened.of(AwsAccess(region="eu-west-3"))
    other = opened.of(AwsAccess(role_arn=ROLE.replace("ingest", "partner")))

    assert (there.region, other.region) == ("eu-west-3", "us-east-1")
    assert ":assumed-role/ingest/" in there.sts().get_caller_identity()["Arn"]
    assert ":assumed-role/partner/" in other.sts().get_caller_identity()["Arn"]
    assert opened.of(AwsAccess(region="eu-west-3")) is there
    assert opened.of(AwsAccess()) is opened.of(AwsAccess(region="us-east-1")) is opened


def test_the_role_of_a_bucket_is_assumed_with_its_external_id_by_the_default_chain(
    aws: str, short_lived_sts: ShortLivedSts
) -> None:
    partner = BucketSettings(
        name="partners", region="ap-east-1", role_arn=ROLE.replace("ingest", "partner"), external_id="theirs"
    )
    opened = Aws(
        AwsSettings(role_arn=ROLE, external_id="ours", endpoint_url=short_lived_sts.endpoint), [partner]
    )

    opened.of_bucket("partners").session.get_credentials().get_frozen_credentials()  # type: ignore[union-attr]

    (request,) = short_lived_sts.requests
    assert (request["RoleArn"], request["ExternalId"]) == ([partner.role_arn], ["theirs"])


def test_clients_of_many_places_can_be_opened_in_any_order(aws: str) -> None:
    opened = Aws(AwsSettings(), [BucketSettings(name="there", region="eu-west-3")])

    assert opened.s3("there").meta.region_name == "eu-west-3"
    assert opened.s3("here").meta.region_name == "us-east-1"
    assert opened.of(AwsAccess(region="eu-west-1")).sqs().meta.region_name == "eu-west-1"

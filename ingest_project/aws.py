"""The one place that opens boto3 sessions, for every room that talks to AWS.

An object's journey meets AWS three times: its event is received from SQS, its bytes are read from S3, and its
message is deleted. Regions, endpoints, credentials, timeouts and retries are decided here, once for all of them.
boto3 costs over half a second to import, so it is imported when the first session is opened.
"""

import os
from functools import cached_property, partial
from threading import RLock
from typing import TYPE_CHECKING

from ingest_project.errors import SettingsError
from ingest_project.settings.model import AwsSettings

if TYPE_CHECKING:
    import boto3
    from botocore.config import Config
    from botocore.credentials import DeferredRefreshableCredentials
    from botocore.session import Session as BotocoreSession
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sts import STSClient

CONNECT_TIMEOUT_SECONDS = 5
READ_TIMEOUT_SECONDS = 30
"""Longer than SQS's longest long poll, 20 seconds; shorter than a sensor tick, 60 seconds."""
MAX_ATTEMPTS = 3
MAX_POOL_CONNECTIONS = 32
"""More than the threads that share one client, so that none waits for a connection or opens one to throw it away."""
ROLE_SESSION_NAME = "ingest-project"
"""What CloudTrail shows as the caller, behind the role's name."""


class Aws:
    """Sessions and clients as ingest.yaml's `aws` says. Opens nothing until it is asked; safe to share among threads.

    Each client is made once. It retries throttling, 5xx and lost connections by boto3's standard mode, three
    attempts in all. What the settings leave out comes from boto3's own resolution: profile, AWS_ENDPOINT_URL,
    AWS_DEFAULT_REGION; and from AWS_REGION, which boto3 does not read but ECS sets and the other SDKs do read.
    """

    def __init__(self, settings: AwsSettings) -> None:
        self.settings = settings
        # boto3's sessions are not safe to share among threads while they make clients; the clients are.
        self._opening = RLock()

    @property
    def session(self) -> "boto3.Session":
        """boto3's default chain; with `role_arn`, the assumed role, whose credentials refresh themselves.

        The role is assumed when its credentials are first used, not here. Raises SettingsError if there is a role
        to assume but nobody to assume it as.
        """
        with self._opening:
            return self._session

    @property
    def region(self) -> str:
        """The region of every client. Raises SettingsError if neither the settings nor the environment name one."""
        with self._opening:
            region = self._region
        if region is None:
            raise SettingsError(["aws.region: no region; set it in ingest.yaml, or set AWS_REGION"])
        return region

    def sqs(self) -> "SQSClient":
        """The SQS client; its read timeout leaves room for a long poll of 20 seconds."""
        with self._opening:
            return self._sqs

    def s3(self) -> "S3Client":
        """The S3 client, for buckets and their notifications; object bytes come faster through `objects/`."""
        with self._opening:
            return self._s3

    def sts(self) -> "STSClient":
        """The STS client, which says who we are."""
        with self._opening:
            return self._sts

    def sns(self, region: str) -> "SNSClient":
        """A new SNS client, for alerts, which are rare: a topic answers in its own region only."""
        with self._opening:
            return self._session.client(
                "sns", region_name=region, endpoint_url=self.settings.endpoint_url, config=self._config
            )

    @cached_property
    def _sqs(self) -> "SQSClient":
        return self._session.client(
            "sqs", region_name=self.region, endpoint_url=self.settings.endpoint_url, config=self._config
        )

    @cached_property
    def _s3(self) -> "S3Client":
        return self._session.client(
            "s3", region_name=self.region, endpoint_url=self.settings.endpoint_url, config=self._config
        )

    @cached_property
    def _sts(self) -> "STSClient":
        return self._session.client(
            "sts", region_name=self.region, endpoint_url=self.settings.endpoint_url, config=self._config
        )

    @cached_property
    def _config(self) -> "Config":
        from botocore.config import Config

        return Config(
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            max_pool_connections=MAX_POOL_CONNECTIONS,
            retries={"mode": "standard", "total_max_attempts": MAX_ATTEMPTS},
        )

    @cached_property
    def _default_chain(self) -> "BotocoreSession":
        import botocore.session

        return botocore.session.get_session()

    @cached_property
    def _region(self) -> str | None:
        configured = self.settings.region or self._default_chain.get_config_variable("region")
        return configured or os.environ.get("AWS_REGION") or None

    @cached_property
    def _session(self) -> "boto3.Session":
        import boto3
        import botocore.session

        if self.settings.role_arn is None:
            return boto3.Session(botocore_session=self._default_chain, region_name=self._region)
        assumed = botocore.session.get_session()
        # botocore has no public way to give a session credentials that refresh themselves.
        assumed._credentials = self._assumed_role(self.settings.role_arn)  # type: ignore[attr-defined]
        return boto3.Session(botocore_session=assumed, region_name=self._region)

    def _assumed_role(self, role_arn: str) -> "DeferredRefreshableCredentials":
        from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

        caller = self._default_chain.get_credentials()
        if caller is None:
            raise SettingsError(
                [f"aws.role_arn: no AWS credentials to assume {role_arn} with; set AWS_PROFILE or log in"]
            )
        make_client = partial(
            self._default_chain.create_client,
            region_name=self.region,
            endpoint_url=self.settings.endpoint_url,
            config=self._config,
        )
        arguments = {"RoleSessionName": ROLE_SESSION_NAME}
        if self.settings.external_id is not None:
            arguments["ExternalId"] = self.settings.external_id
        fetcher = AssumeRoleCredentialFetcher(make_client, caller, role_arn, extra_args=arguments)
        return DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")

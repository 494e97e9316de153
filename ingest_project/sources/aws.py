"""The one place that opens boto3 sessions, for every room that talks to AWS.

An object's journey uses AWS three times: its event is received from SQS, its bytes are read from S3, and its
message is deleted. Regions, roles, owners, endpoints, timeouts and retries are decided here for all of them.
The import of boto3 takes over half a second, so it is imported when the first session is opened.
"""

import logging
import os
import re
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property, partial
from threading import RLock
from typing import TYPE_CHECKING, Any

from ingest_project.errors import SettingsError
from ingest_project.settings.aws_access import AwsAccess, BucketSettings
from ingest_project.settings.model import AwsSettings

if TYPE_CHECKING:
    import boto3
    from botocore.config import Config
    from botocore.credentials import DeferredRefreshableCredentials
    from botocore.model import OperationModel
    from botocore.session import Session as BotocoreSession
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sts import STSClient

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_SECONDS = 5
READ_TIMEOUT_SECONDS = 30
"""Longer than SQS's longest long poll, 20 seconds; shorter than a sensor tick, 60 seconds."""
MAX_ATTEMPTS = 3
MAX_POOL_CONNECTIONS = 32
"""More than the threads that share one client, so that they do not wait for connections or discard them."""
_REGION = re.compile(r"[a-z0-9-]{1,64}")
ROLE_SESSION_NAME = "ingest-project"
"""What CloudTrail shows as the caller, after the role's name."""


class Aws:
    """Sessions and clients by the settings of `aws`, opened on first use. Safe to share among threads.

    Each client is made once. It retries throttling, 5xx and lost connections in boto3's standard mode, with
    three attempts in all. What the settings leave out comes from boto3's own resolution (profile,
    AWS_ENDPOINT_URL, AWS_DEFAULT_REGION), and from AWS_REGION, which boto3 does not read but which ECS sets
    and other SDKs read.

    `of` returns the same for a place with its own region or role; `s3` uses those of each bucket.
    """

    def __init__(
        self, settings: AwsSettings, buckets: Sequence[BucketSettings] = (), *, home: "Aws | None" = None
    ) -> None:
        self.settings = settings
        self._buckets = {bucket.name: bucket for bucket in buckets}
        self._home = home
        self._places: dict[tuple[str | None, ...], Aws] = {}
        self._bound: dict[str | None, S3Client] = {}
        self._owned_by_another: dict[str, bool] = {}
        # boto3's sessions are not thread-safe while they make clients; the clients are.
        self._opening: Any = home._opening if home else RLock()

    def of(self, place: AwsAccess) -> "Aws":
        """AWS for this place of the settings: in its region and as its role, if it has its own."""
        key = (place.region, place.role_arn, place.external_id)
        with self._opening:
            if place.role_arn is None and place.region in {None, self._region}:
                return self
            if key not in self._places:
                self._places[key] = Aws(self._settings_of(place), home=self)
            return self._places[key]

    def bucket(self, name: str) -> BucketSettings:
        """The settings of this bucket, with the region that S3 has named since (`follow`)."""
        return self._buckets.get(name) or BucketSettings(name=name)

    def of_bucket(self, name: str) -> "Aws":
        """AWS for this bucket."""
        return self.of(self.bucket(name))

    def follow(self, bucket: str, tried_region: str) -> bool:
        """Use the region that S3 names for this bucket from now on. Call it when S3 redirects a request.

        False if S3 does not name a region, or names the one that was tried.
        """
        with self._opening:
            known = self.of_bucket(bucket).region
            if known == tried_region:
                named = self._region_named_by_s3(bucket)
                if named in {None, tried_region}:
                    return False
                self._buckets[bucket] = self.bucket(bucket).model_copy(update={"region": named})
                log.warning(
                    "bucket %s is in region %s, not in %s; add buckets: [{name: %s, region: %s}]",
                    bucket, named, tried_region, bucket, named,
                )  # fmt: skip
            return True

    def is_owned_by_another(self, bucket: str) -> bool:
        """Whether another account than its `expected_owner` owns the bucket; False if that is unknown.

        S3 answers 403 both for another owner and for a missing permission; without an owner in the request,
        it answers 403 only for the latter.
        """
        owner = self.bucket(bucket).expected_owner
        if owner is None:
            return False
        with self._opening:
            if bucket not in self._owned_by_another:
                place = self.of_bucket(bucket)
                refused = not _answers(place.s3_of(owner), bucket)
                self._owned_by_another[bucket] = refused and _answers(place.s3_of(None), bucket)
            return self._owned_by_another[bucket]

    @property
    def session(self) -> "boto3.Session":
        """boto3's default chain; with `role_arn`, the assumed role, whose credentials refresh themselves.

        The role is assumed when its credentials are first used, not here. Raises SettingsError if there is a
        role to assume but there are no credentials to assume it with.
        """
        with self._opening:
            return self._session

    def credentials_expire_at(self) -> datetime | None:
        """When the credentials of today end, and with them what they signed; None: they do not, or not known.

        Raises SettingsError if there are none.
        """
        credentials = self.session.get_credentials()
        if credentials is not None:
            credentials.get_frozen_credentials()  # a role is assumed, or assumed again, only now
        expires_at = getattr(credentials, "_expiry_time", None)  # botocore has no public name for it
        return expires_at if isinstance(expires_at, datetime) else None

    @property
    def region(self) -> str:
        """The region of all clients. Raises SettingsError if neither settings nor environment name one."""
        with self._opening:
            region = self._region
        if region is None:
            raise SettingsError(["aws.region: no region; set it in ingest.yaml, or set AWS_REGION"])
        return region

    def sqs(self) -> "SQSClient":
        """The SQS client; its read timeout is longer than a long poll of 20 seconds."""
        with self._opening:
            return self._sqs

    def s3(self, bucket: str) -> "S3Client":
        """The S3 client for this bucket: in its region, as its role, each call with its expected owner.

        boto3 follows a redirect to another region by itself. `sources/s3/store.py` reads objects faster.
        """
        return self.of_bucket(bucket).s3_of(self.bucket(bucket).expected_owner)

    def s3_of(self, owner: str | None) -> "S3Client":
        """An S3 client of this region and role. With an owner, S3 refuses calls to others' buckets."""
        with self._opening:
            if owner not in self._bound:
                self._bound[owner] = self._new_s3(owner)
            return self._bound[owner]

    def sts(self) -> "STSClient":
        """The STS client, which says who we are."""
        with self._opening:
            return self._sts

    def client(self, service: str) -> Any:
        """A new client of a service that only `ingest check` uses, such as `kms`."""
        with self._opening:
            return self._session.client(
                service,  # type: ignore[call-overload]
                region_name=self.region,
                endpoint_url=self.settings.endpoint_url,
                config=self._config,
            )

    def dynamodb(self) -> Any:
        """A new DynamoDB client, for the mirror of jobs, for which a tick must not wait long."""
        from botocore.config import Config

        quick = Config(
            connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2}
        )
        with self._opening:
            return self._session.client(
                "dynamodb",
                region_name=self.region,
                endpoint_url=self.settings.endpoint_url,
                config=self._config.merge(quick),
            )

    def sns(self, region: str) -> "SNSClient":
        """A new SNS client in a topic's own region, for alerts, which are rare."""
        with self._opening:
            return self._session.client(
                "sns", region_name=region, endpoint_url=self.settings.endpoint_url, config=self._config
            )

    @cached_property
    def _sqs(self) -> "SQSClient":
        return self._session.client(
            "sqs", region_name=self.region, endpoint_url=self.settings.endpoint_url, config=self._config
        )

    def _new_s3(self, owner: str | None) -> "S3Client":
        client = self._session.client(
            "s3", region_name=self.region, endpoint_url=self.settings.endpoint_url, config=self._config
        )
        client.meta.events.register_last("before-parameter-build.s3", _do_not_redirect)
        if owner is not None:
            client.meta.events.register("before-parameter-build.s3", partial(_bind_to_owner, owner))
        return client

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

        if self._home is not None:
            return self._home._default_chain
        return botocore.session.get_session()

    @cached_property
    def _region(self) -> str | None:
        configured = self.settings.region or self._default_chain.get_config_variable("region")
        return configured or os.environ.get("AWS_REGION") or None

    @cached_property
    def _session(self) -> "boto3.Session":
        import boto3
        import botocore.session

        home = self._home
        if home is not None and _caller(home.settings) == _caller(self.settings):
            return home._session  # botocore's sessions take one boto3.Session each; clients name their region
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
            key = "role_arn" if self._home else "aws.role_arn"
            raise SettingsError(
                [f"{key}: no AWS credentials to assume {role_arn} with; set AWS_PROFILE or log in"]
            )
        make_client = partial(
            self._default_chain.create_client,
            # The caller's own region: that of a bucket may be one that the caller's account has not enabled.
            region_name=(self._home and self._home._region) or self.region,
            endpoint_url=self.settings.endpoint_url,
            config=self._config,
        )
        arguments = {"RoleSessionName": ROLE_SESSION_NAME}
        if self.settings.external_id is not None:
            arguments["ExternalId"] = self.settings.external_id
        fetcher = AssumeRoleCredentialFetcher(make_client, caller, role_arn, extra_args=arguments)
        return DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")

    def _settings_of(self, place: AwsAccess) -> AwsSettings:
        changes: dict[str, str | None] = {}
        if place.region is not None:
            changes["region"] = place.region
        if place.role_arn is not None:
            changes |= {"role_arn": place.role_arn, "external_id": place.external_id}
        return self.settings.model_copy(update=changes)

    def _region_named_by_s3(self, bucket: str) -> str | None:
        """The bucket's region, which S3 names to every caller, even if it refuses the request."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            headers = self.s3(bucket).head_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPHeaders"]
        except ClientError as error:
            headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        except BotoCoreError:
            return None
        named = headers.get("x-amz-bucket-region", "")
        return named if _REGION.fullmatch(named) else None


def _caller(settings: AwsSettings) -> tuple[str | None, str | None]:
    return settings.role_arn, settings.external_id


def _bind_to_owner(owner: str, params: dict[str, Any], model: "OperationModel", **_: object) -> None:
    if model.input_shape and "ExpectedBucketOwner" in model.input_shape.members:
        params["ExpectedBucketOwner"] = owner


def _do_not_redirect(model: "OperationModel", context: dict[str, Any], **_: object) -> None:
    """Keeps boto3 from following HeadBucket's redirects, by which it looks for the region, endlessly."""
    if model.name == "HeadBucket":
        context["s3_redirect"]["redirected"] = True


def _answers(client: "S3Client", bucket: str) -> bool:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client.head_bucket(Bucket=bucket)
    except (BotoCoreError, ClientError):
        return False
    return True

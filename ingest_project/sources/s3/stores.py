"""obstore's stores, one for each bucket: in its region, as its role, bound to its owner.

boto3 follows S3's redirects to another region, obstore does not: here the read is repeated in the region that
S3 names, which is then used by the whole process.
"""

from dataclasses import dataclass
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING

import obstore
from botocore.exceptions import BotoCoreError
from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.exceptions import BaseError
from obstore.store import S3Store

from ingest_project.errors import ObjectUnavailable, WrongRegion
from ingest_project.sources.aws import Aws
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.s3.bucket_owner import told
from ingest_project.sources.s3.s3_faults import NO_CREDENTIALS, OBSTORE_FAULTS, obstore_fault

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult

CONNECT_TIMEOUT = timedelta(seconds=5)
READ_TIMEOUT = timedelta(seconds=30)
"""For each read, not for the whole object: a large object may take longer as long as bytes come."""
REQUEST_TIMEOUT = timedelta(hours=1)
MAX_RETRIES = 4
RETRY_TIMEOUT = timedelta(seconds=60)
CREDENTIALS_TTL = timedelta(minutes=10)
"""botocore returns a role's credentials only if they are valid for ten more minutes, and obstore asks again
five minutes before this time is over."""
NO_CLIENT = "the S3 client cannot be created; check this machine's CA certificates and its `ulimit -n`"
OWNER_HEADER = "x-amz-expected-bucket-owner"


@dataclass(frozen=True, slots=True)
class _Opened:
    store: S3Store
    region: str


class BucketStores:
    """Gets objects with obstore; each bucket is opened on first use. Safe to share among threads.

    `get` raises ObjectError. The body of its result is not read yet.
    """

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._opened: dict[str, _Opened] = {}
        self._opening = Lock()

    def get(self, object_: ObjectVersion, options: "GetOptions") -> "GetResult":
        opened = self._of(object_)
        try:
            return obstore.get(opened.store, object_.key, options=options)
        except OBSTORE_FAULTS as error:
            opened = self._elsewhere(object_, opened, error)
        try:
            return obstore.get(opened.store, object_.key, options=options)
        except OBSTORE_FAULTS as error:
            raise told(self._aws, object_.bucket, obstore_fault(object_.uri, error)) from error

    def _elsewhere(self, object_: ObjectVersion, opened: _Opened, error: Exception) -> _Opened:
        """The bucket in the region that S3 names; raises ObjectError if it does not redirect to one."""
        fault = obstore_fault(object_.uri, error)
        if not isinstance(fault, WrongRegion) or not self._aws.follow(object_.bucket, opened.region):
            raise told(self._aws, object_.bucket, fault) from error
        with self._opening:
            if self._opened.get(object_.bucket) is opened:
                del self._opened[object_.bucket]
        return self._of(object_)

    def _of(self, object_: ObjectVersion) -> _Opened:
        return self._opened.get(object_.bucket) or self._opened_once(object_)

    def _opened_once(self, object_: ObjectVersion) -> _Opened:
        with self._opening:  # many threads ask for a bucket at once
            opened = self._opened.get(object_.bucket)
            if opened is None:
                try:
                    opened = self._opened[object_.bucket] = self._open(object_.bucket)
                except (BotoCoreError, ValueError) as error:
                    raise ObjectUnavailable(object_.uri, NO_CREDENTIALS) from error
                except BaseError as error:
                    raise ObjectUnavailable(object_.uri, NO_CLIENT) from error
            return opened

    def _open(self, bucket: str) -> _Opened:
        # The endpoint is boto3's: it knows all partitions of AWS, FIPS, and AWS_ENDPOINT_URL. It is set under
        # both names, because obstore reads AWS_ENDPOINT_URL_S3 by itself and would prefer it to the settings.
        place = self._aws.of_bucket(bucket)
        endpoint = self._aws.s3(bucket).meta.endpoint_url
        owner = self._aws.bucket(bucket).expected_owner
        store = S3Store(
            bucket,
            region=place.region,
            endpoint=endpoint,
            aws_endpoint_url_s3=endpoint,
            virtual_hosted_style_request=False,
            credential_provider=Boto3CredentialProvider(place.session, ttl=CREDENTIALS_TTL),
            client_options={
                "allow_http": endpoint.startswith("http://"),
                "connect_timeout": CONNECT_TIMEOUT,
                "read_timeout": READ_TIMEOUT,
                "timeout": REQUEST_TIMEOUT,
                # obstore signs its default headers, as S3 requires for headers that begin with x-amz-.
                "default_headers": {} if owner is None else {OWNER_HEADER: owner},
            },
            retry_config={"max_retries": MAX_RETRIES, "retry_timeout": RETRY_TIMEOUT},
        )
        return _Opened(store, place.region)

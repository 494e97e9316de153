"""Trials of `after`: their table says what is done to an object once its rows are in the table."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from ingest_project_tests.fault_trials.after_oracle import Stored, judge_objects
from ingest_project_tests.fault_trials.oracle import Verdict
from ingest_project_tests.fault_trials.trial import Trial
from ingest_project_tests.fault_trials.workload import ARCHIVE_BUCKET, Write

TAGS = {"ingested": "true"}
DUE = """
select count(*) from source_actions a join object_versions o on o.object_id = a.object_id
where o.table_name = :table and a.state = 'due'
"""


@dataclass
class AfterTrial(Trial):
    """`overwritten` has the newer write of each key that was written again without an event."""

    landed: list[Write] = field(default_factory=list)
    overwritten: dict[str, Write] = field(default_factory=dict)

    @property
    def after(self) -> Any:
        """What the table says."""
        raise NotImplementedError

    def table_settings(self) -> dict[str, Any]:
        return super().table_settings() | {"after": self.after}

    def land(self, count: int | None = None) -> list[Write]:
        self.landed = super().land(count)
        return self.landed

    def overwrite(self, writes: Sequence[Write]) -> None:
        """Write these keys again, which nobody announces."""
        self.overwritten |= {one.key: self.landing.write(one.key) for one in writes}

    def is_at_rest(self) -> bool:
        """Nothing is left to be done to an object either."""
        return super().is_at_rest() and self.deployment.ledger(DUE, table=self.table)[0][0] == 0

    def verdict(self) -> Verdict:
        verdict = super().verdict()
        verdict.stuck += judge_objects(
            type(self).kind, self.landed, self.overwritten, [self._stored(one) for one in self.landed]
        )
        return verdict

    kind = ""

    def _stored(self, write: Write) -> Stored:
        """What S3 holds under the key of this write, of the write itself, and in the archive."""
        s3, of_key = self.deployment.s3, {"Bucket": write.bucket, "Key": write.key}
        return Stored(
            etag=self._etag(**of_key),
            tags=self._tags(**of_key),
            tags_of_version=self._tags(**of_key, VersionId=write.version_id) if write.version_id else None,
            copies=tuple(
                one["ETag"].strip('"')
                for one in s3.list_objects_v2(Bucket=ARCHIVE_BUCKET, Prefix=write.key).get("Contents", [])
            ),
            keeps_version=write.version_id is None
            or self._etag(**of_key, VersionId=write.version_id) == write.etag,
        )

    def _etag(self, **where: Any) -> str | None:
        try:
            return self.deployment.s3.head_object(**where)["ETag"].strip('"')
        except ClientError:
            return None

    def _tags(self, **where: Any) -> dict[str, str]:
        try:
            found = self.deployment.s3.get_object_tagging(**where)["TagSet"]
        except ClientError:
            return {}
        return {one["Key"]: one["Value"] for one in found}


@dataclass
class TagTrial(AfterTrial):
    """Objects get a tag."""

    kind = "tag"

    @property
    def after(self) -> Any:
        return {"tag": TAGS}


@dataclass
class MoveTrial(AfterTrial):
    """Objects are moved to the archive, where their keys are the same."""

    kind = "move"

    @property
    def after(self) -> Any:
        return {"move": f"s3://{ARCHIVE_BUCKET}/{self.prefix}"}


@dataclass
class DeleteTrial(AfterTrial):
    """Objects are deleted."""

    kind = "delete"

    @property
    def after(self) -> Any:
        return "delete"

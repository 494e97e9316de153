"""Objects in S3 whose user stops around what it does to them."""

from typing import Any

from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.s3.source_objects import Acted, SourceObjects
from ingest_project_tests.fault_trials.control import reach

AFTER_COPY = "after-copy"
BEFORE_DELETE = "before-delete"
AFTER_ACTION = "after-action"


class FaultyObjects(SourceObjects):
    """The same objects, breakable."""

    def tag(self, item: ObjectVersion, tags: dict[str, str]) -> Acted:
        return _reached(super().tag(item, tags))

    def delete(self, item: ObjectVersion) -> Acted:
        return _reached(super().delete(item))

    def move(self, item: ObjectVersion, target: str, object_id: str) -> Acted:
        return _reached(super().move(item, target, object_id))

    def _copy(self, item: ObjectVersion, head: Any, places: list[str], object_id: str) -> str:
        place = super()._copy(item, head, places, object_id)
        reach(AFTER_COPY)
        return place

    def _delete(self, item: ObjectVersion) -> None:
        reach(BEFORE_DELETE)  # S3 has said that the key holds this write
        super()._delete(item)


def _reached(acted: Acted) -> Acted:
    reach(AFTER_ACTION)
    return acted

"""What happens to an object after its rows are in the table: `after` of a table.

`keep` and `delete` are short forms; the long form has one of `tag`, `move` and `delete`.
"""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, model_validator

from ingest_project.settings.strict import Strict

ActionKind = Literal["tag", "move", "delete"]

MAX_TAGS = 10
"""S3's limits: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html."""
_TAG_KEY = re.compile(r"[\w \-+.:/=@]{1,128}")
_TAG_VALUE = re.compile(r"[\w \-+.:/=@]{0,256}")
_PLACE = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(?P<prefix>(?:.*/)?)")

GRAMMAR = (
    "write keep, delete, {tag: {key: value}} or {move: s3://bucket/prefix/}; "
    "{delete: true, with_bad_rows: true} includes objects with bad rows"
)


def _checked_tags(tags: dict[str, str]) -> dict[str, str]:
    if not 1 <= len(tags) <= MAX_TAGS:
        raise ValueError(f"S3 allows at most {MAX_TAGS} tags; name 1 to {MAX_TAGS}")
    for key, value in tags.items():
        if not _TAG_KEY.fullmatch(key) or not _TAG_VALUE.fullmatch(value):
            raise ValueError(
                "S3 allows 128 characters in a tag's key and 256 in its value: letters, digits, spaces and "
                "+ - = . _ : / @; correct it"
            )
        if key.startswith("aws:"):
            raise ValueError("AWS reserves keys of tags that begin with aws:; rename it")
    return tags


def _checked_place(place: str) -> str:
    if not _PLACE.fullmatch(place):
        raise ValueError("not a place in S3; write it like s3://bucket/prefix/, with / at the end")
    return place


class AfterSettings(Strict):
    """One action for each object whose rows are committed and whose messages are deleted; or none.

    An object of which a row was set aside stays as it is, unless `with_bad_rows`.
    """

    tag: Annotated[dict[str, str], AfterValidator(_checked_tags)] | None = None
    move: Annotated[str, AfterValidator(_checked_place)] | None = None
    delete: bool = False
    with_bad_rows: bool = False

    @property
    def kind(self) -> ActionKind | None:
        """What is done; None: objects stay as they are."""
        if self.tag is not None:
            return "tag"
        if self.move is not None:
            return "move"
        return "delete" if self.delete else None

    @property
    def takes_away(self) -> bool:
        """Whether S3 does not list an object any more afterwards."""
        return self.kind in {"move", "delete"}

    @model_validator(mode="after")
    def _has_one_action(self) -> Self:
        chosen = (self.tag is not None) + (self.move is not None) + self.delete
        if chosen > 1:
            raise ValueError(f"more than one action; {GRAMMAR}")
        if not chosen and self.model_fields_set:
            raise ValueError(f"no action; {GRAMMAR}")
        return self


def _in_full(written: Any) -> Any:
    if isinstance(written, str):
        if written not in {"keep", "delete"}:
            raise ValueError(f"no such action; {GRAMMAR}")
        return {"delete": True} if written == "delete" else {}
    return written


After = Annotated[AfterSettings, BeforeValidator(_in_full)]


def bucket_and_prefix(place: str) -> tuple[str, str]:
    """The bucket and the prefix of a place like `s3://bucket/prefix/`."""
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    return bucket, prefix

"""However many records a message has, and however long their keys are, its reasons are a few lines."""

from ingest_project.sources.reasons import MAX_REASON_CHARACTERS, first_reasons


def test_few_short_reasons_stay_as_they_are() -> None:
    assert first_reasons([]) == ()
    assert first_reasons(["a", "b", "c"]) == ("a", "b", "c")


def test_the_first_reasons_are_told_and_the_others_counted() -> None:
    assert first_reasons([f"reason {number}" for number in range(4999)]) == (
        "reason 0", "reason 1", "reason 2", "and 4,996 more",
    )  # fmt: skip


def test_a_long_reason_keeps_the_object_and_the_remedy() -> None:
    (reason,) = first_reasons(["'s3://landing/" + "k" * 4000 + "' cannot be routed: add a table for it"])

    assert len(reason) <= MAX_REASON_CHARACTERS
    assert reason.startswith("'s3://landing/kkk")
    assert reason.endswith("kkk' cannot be routed: add a table for it")

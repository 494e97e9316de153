"""The limits of the reading room are what the documents say of them."""

from pathlib import Path

from ingest_project.reading.limits import GIB, LIMITS, MIB

README = " ".join((Path(__file__).parents[2] / "README.md").read_text().split())


def test_readme_states_how_much_is_held_at_once() -> None:
    portion = LIMITS.portion

    assert f"groups of at most {portion.stored_bytes // MIB} MiB as stored" in README
    assert f"and {portion.content_bytes // MIB} MiB without compression" in README
    assert f"larger objects are streamed in pieces of about {portion.piece.piece_bytes // MIB} MiB" in README
    assert f"for `binary` {portion.whole_object_bytes // GIB} GiB" in README
    assert f"at most {LIMITS.orc.address_space_bytes // GIB} GiB of address space" in README


def test_a_record_and_a_step_fit_into_a_piece_and_a_piece_into_a_portion() -> None:
    portion = LIMITS.portion

    assert LIMITS.step.chunk_bytes < portion.piece.record_bytes < portion.piece.piece_bytes
    assert portion.piece.piece_bytes <= portion.stored_bytes < portion.content_bytes

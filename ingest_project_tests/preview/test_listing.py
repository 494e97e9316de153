"""What is counted of a listing, and which objects stand for all of them."""

from hypothesis import given
from hypothesis import strategies as st

from ingest_project.preview.listing import extension_of, listing_of, spread
from ingest_project_tests.sources.factories import object_version


def test_spread_takes_the_first_the_last_and_those_between() -> None:
    assert spread(range(9), 3) == (0, 4, 8)
    assert spread(range(2), 3) == (0, 1)
    assert spread(range(9), 1) == (0,)


@given(st.integers(0, 500), st.integers(1, 50))
def test_spread_takes_as_many_as_it_may_and_none_twice(size: int, count: int) -> None:
    taken = spread(range(size), count)

    assert len(taken) == min(size, count)
    assert sorted(set(taken)) == list(taken)


def test_markers_and_empty_objects_are_counted_apart() -> None:
    keys = {"a/": 0, "a/_SUCCESS": 12, "a/1.csv": 3, "a/2.csv": 5}
    found = [object_version(key, size_bytes=size) for key, size in keys.items()]

    listing = listing_of(reversed(found))

    assert [one.key for one in listing.objects] == ["a/1.csv", "a/2.csv"]
    assert (listing.empty, listing.total_bytes, listing.sizes) == (2, 8, (3, 5, 5))
    assert not listing.is_cut


def test_listing_beyond_the_limit_is_cut_and_says_so() -> None:
    found = (object_version(f"{number}") for number in range(10))

    assert len(listing_of(found, limit=9).objects) == 9
    assert listing_of((object_version(f"{number}") for number in range(10)), limit=9).is_cut
    assert not listing_of((object_version(f"{number}") for number in range(9)), limit=9).is_cut


def test_extension_has_its_compression() -> None:
    assert extension_of("a.b/part-0.csv.gz") == ".csv.gz"
    assert extension_of("a/x.tar.zip") == ".tar.zip"
    assert extension_of("a/x.gz") == ".gz"
    assert extension_of("a/.hidden") == extension_of("a/none") == extension_of("a/x.") == ""

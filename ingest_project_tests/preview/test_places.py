"""What data is called that nobody has named yet."""

import pytest
from pydantic import TypeAdapter

from ingest_project.preview.places import folder_of, groups, table_name, whole_folder
from ingest_project.settings.names import TableName
from ingest_project_tests.sources.factories import object_version


@pytest.mark.parametrize(
    ("prefix", "name"),
    [
        ("raw/orders/", "raw.orders"),
        ("raw/orders/dt=2026-11-20/", "raw.orders"),
        ("a/b/c", "b.c"),
        ("orders", "acme_landing.orders"),
        ("", "acme_landing.objects"),
        ("Größe & Co/x.y", "gr_e_co.x_y"),
        ("raw/2026/11/", "acme_landing.raw"),
        ("../-/", "acme_landing.objects"),
    ],
)
def test_table_name_is_made_of_the_last_folders(prefix: str, name: str) -> None:
    assert table_name("acme-landing", prefix) == name
    assert TypeAdapter(TableName).validate_python(name) == name


def test_objects_are_grouped_by_the_folders_above_their_partitions() -> None:
    keys = ["a/dt=2026-11-20/1", "a/dt=2026-11-21/2", "b/c/2026/1", "top"]

    found = groups([object_version(key) for key in keys], [])

    assert {place.prefix: len(members) for place, members in found.items()} == {"a/": 2, "b/c/": 1, "": 1}
    assert folder_of("x/y/z.csv") == "x/y/"


def test_prefix_becomes_a_folder_only_if_all_objects_are_in_it() -> None:
    inside, beside = object_version("orders/a"), object_version("orders2/a")

    assert whole_folder("orders", [inside]) == "orders/"
    assert whole_folder("orders", [inside, beside]) == "orders"
    assert whole_folder("", [inside]) == ""

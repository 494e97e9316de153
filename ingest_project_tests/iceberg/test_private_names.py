"""docs/pyiceberg.md names every private name of PyIceberg that the code uses, and no other one."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from pyiceberg.io import pyarrow
from pyiceberg.schema import Schema
from pyiceberg.table import Table, Transaction
from pyiceberg.table.update import snapshot

TOP = Path(__file__).parents[2]
MODULES = sorted((TOP / "ingest_project" / "iceberg").rglob("*.py"))
OWNERS = {
    "Transaction": Transaction,
    "Table": Table,
    "_SnapshotProducer": snapshot._SnapshotProducer,
    "Schema": Schema,
    "ArrowScan": pyarrow.ArrowScan,
    "ArrowProjectionVisitor": pyarrow.ArrowProjectionVisitor,
    "pyiceberg.io.pyarrow": pyarrow,
    "pyiceberg.table.update.snapshot": snapshot,
}


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def from_pyiceberg(module: ast.Module) -> set[str]:
    """The names that a module imports from PyIceberg."""
    imports = [one for one in ast.walk(module) if isinstance(one, ast.ImportFrom)]
    return {
        alias.name for one in imports if (one.module or "").startswith("pyiceberg") for alias in one.names
    }


def private_names(module: ast.Module) -> Iterator[str]:
    """What a module imports, and its attributes, except those that a class of the module defines itself."""
    imported = from_pyiceberg(module)
    yield from filter(is_private, imported)
    nodes = list(ast.walk(module))
    made = {one.name for one in nodes if isinstance(one, ast.FunctionDef)}
    made |= {
        one.target.id for one in nodes if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
    }
    made |= {
        one.attr
        for one in nodes
        if isinstance(one, ast.Attribute) and isinstance(one.ctx, ast.Store) and is_of(one, "self")
    }
    for one in nodes:
        if isinstance(one, ast.Attribute) and is_private(one.attr) and one.attr not in made:
            yield one.attr


def is_of(attribute: ast.Attribute, name: str) -> bool:
    return isinstance(attribute.value, ast.Name) and attribute.value.id == name


def rows_of_the_page() -> dict[str, tuple[str, set[str]]]:
    """By name: whose it is, and the modules that use it."""
    rows: dict[str, tuple[str, set[str]]] = {}
    for line in (TOP / "docs" / "pyiceberg.md").read_text().splitlines():
        if line.startswith("| `"):
            names, owner, files = (re.findall(r"`([^`]+)`", cell) for cell in line.split("|")[1:4])
            rows |= {name: (owner[0], set(files)) for name in names}
    return rows


def test_the_page_names_what_the_code_uses_and_where() -> None:
    used: dict[str, set[str]] = {}
    for path in MODULES:
        for name in private_names(ast.parse(path.read_text())):
            used.setdefault(name, set()).add(path.name)

    assert {name: files for name, (_, files) in rows_of_the_page().items()} == used


def test_each_name_is_still_there() -> None:
    instance = Transaction.__init__.__code__.co_names
    missing = [
        name
        for name, (owner, _) in rows_of_the_page().items()
        if not hasattr(OWNERS[owner], name)
        and name not in instance
        and name not in getattr(OWNERS[owner], "__annotations__", {})
    ]

    assert missing == []

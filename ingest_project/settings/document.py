"""Reads ingest.yaml as plain values and their lines.

YAML's loaders do not keep lines and let the second of two equal keys win, so the nodes are walked here:
references to the environment are filled, equal keys are refused, and the line of each key is kept for later
faults of its value.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ingest_project.settings.environment import filled

KeyPath = tuple[str | int, ...]
"""The path from the top to a value: `("tables", 0, "name")`."""

_TAG = "tag:yaml.org,2002:"
_SCALAR_TAGS = frozenset(_TAG + name for name in ("str", "int", "float", "bool", "null"))


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault and its remedy. The text does not repeat values, which may be secret.

    `line` counts from 1; without it, the line is that of the key at `path`.
    """

    path: KeyPath
    text: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """The values of a settings file, the line of each key, and what was wrong with the file itself.

    `unfilled` are the paths of values whose environment variable is missing: they keep their text, and other
    faults of them are only consequences.
    """

    values: Any
    lines: Mapping[KeyPath, int]
    faults: tuple[Fault, ...]
    unfilled: frozenset[KeyPath]

    def line_of(self, fault: Fault) -> int:
        """The line of the fault's key, or of the nearest key above it that the file has."""
        if fault.line is not None:
            return fault.line
        path = fault.path
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def is_echo(self, fault: Fault) -> bool:
        """Whether the fault is at, above or below a value that the environment did not fill."""
        return any(fault.path[: len(path)] == path[: len(fault.path)] for path in self.unfilled)


def read_document(text: str, environ: Mapping[str, str]) -> Document:
    """Read YAML and fill in the environment. Does not raise for any text: faults are part of the result.

    A plain scalar is typed by YAML's rules after the environment is filled in, a quoted one stays text. Dates
    stay text too, and so does every key: `no:` is a column called no, not a boolean.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        return Document(None, {}, (_syntax_fault(error),), frozenset())
    if root is None:
        fault = Fault((), "the file is empty; start from the ingest.yaml of the README", 1)
        return Document(None, {}, (fault,), frozenset())
    reader = _Reader(environ)
    values = reader.read(root, ())
    return Document(values, reader.lines, tuple(reader.faults), frozenset(reader.unfilled))


class _Reader:
    """Walks the nodes of one document and collects lines and faults."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.lines: dict[KeyPath, int] = {}
        self.faults: list[Fault] = []
        self.unfilled: set[KeyPath] = set()
        self._environ = environ
        self._yaml = yaml.SafeLoader("")
        self._entered: set[int] = set()

    def read(self, node: Node, path: KeyPath) -> Any:
        """The value of a node; if it cannot be read, records a fault and returns None."""
        self.lines.setdefault(path, _line(node))
        if isinstance(node, ScalarNode):
            return self._scalar(node, path)
        if id(node) in self._entered:
            self._fault(node, path, "an alias that contains itself; remove it")
            return None
        self._entered.add(id(node))
        try:
            return self._collection(node, path)
        finally:
            self._entered.remove(id(node))

    def _collection(self, node: Node, path: KeyPath) -> Any:
        if isinstance(node, SequenceNode) and node.tag == f"{_TAG}seq":
            return [self.read(item, (*path, index)) for index, item in enumerate(node.value)]
        if isinstance(node, MappingNode) and node.tag == f"{_TAG}map":
            return self._mapping(node, path)
        self._refuse_tag(node, path)
        return None

    def _mapping(self, node: MappingNode, path: KeyPath) -> dict[str, Any]:
        values: dict[str, Any] = {}
        first_lines: dict[str, int] = {}
        for key_node, value_node in _merges_first(node):
            if _is_merge(key_node):
                values = {**self._merged(value_node, path), **values}
            elif not isinstance(key_node, ScalarNode):
                self._fault(key_node, path, "a key must be plain text; write `key: value`")
            elif (key := key_node.value) in first_lines:
                text = f"given twice, first in line {first_lines[key]}; remove one"
                self._fault(key_node, (*path, key), text)
            else:
                first_lines[key] = self.lines[(*path, key)] = _line(key_node)
                values[key] = self.read(value_node, (*path, key))
        return values

    def _merged(self, node: Node, path: KeyPath) -> dict[str, Any]:
        """The values of `<<: *anchor`; of several sources the first wins, by YAML's rule."""
        sources = node.value if isinstance(node, SequenceNode) else [node]
        values: dict[str, Any] = {}
        for source in sources:
            if isinstance(source, MappingNode):
                values = {**(self.read(source, path) or {}), **values}
            else:
                self._fault(source, path, "`<<` takes an alias of a mapping; write `<<: *name`")
        return values

    def _scalar(self, node: ScalarNode, path: KeyPath) -> Any:
        try:
            text = filled(node.value, self._environ)
        except ValueError as missing:
            self.unfilled.add(path)
            self._fault(node, path, str(missing))
            return node.value
        tag = node.tag
        if node.style is None and text != node.value:
            # PyYAML has no annotations of its own.
            tag = self._yaml.resolve(ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
        return self._typed(node, path, ScalarNode(tag, text, node.start_mark, node.end_mark))

    def _typed(self, node: ScalarNode, path: KeyPath, scalar: ScalarNode) -> Any:
        if scalar.tag == f"{_TAG}timestamp":
            return scalar.value
        if scalar.tag not in _SCALAR_TAGS:
            self._refuse_tag(node, path)
            return None
        try:
            return self._yaml.construct_object(scalar)
        except (ValueError, LookupError):
            kind = scalar.tag.removeprefix(_TAG)
            self._fault(node, path, f"not a valid {kind} in YAML; put it in quotes")
            return None

    def _refuse_tag(self, node: Node, path: KeyPath) -> None:
        # Its name is not repeated: YAML reads a password that starts with ! and has no quotes as a tag.
        self._fault(
            node,
            path,
            "YAML tags have no meaning here; remove it, or put a value that starts with ! in quotes",
        )

    def _fault(self, node: Node, path: KeyPath, text: str) -> None:
        self.faults.append(Fault(path, text, _line(node)))


def _line(node: Node) -> int:
    return node.start_mark.line + 1


def _is_merge(node: Node) -> bool:
    return bool(node.tag == f"{_TAG}merge")


def _merges_first(node: MappingNode) -> list[tuple[Node, Node]]:
    """The pairs of a mapping, merges first, so that the lines of the mapping's own keys prevail."""
    return sorted(node.value, key=lambda pair: not _is_merge(pair[0]))


def _syntax_fault(error: yaml.YAMLError) -> Fault:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return Fault((), "the file has characters that YAML does not allow; save it as plain UTF-8", 1)
    # PyYAML quotes the names of aliases and tags, and a password that starts with *, & or ! looks like one.
    problem = re.sub(
        r"\b(alias|anchor|tag handle) .*", r"\1", getattr(error, "problem", None) or "syntax error"
    )
    remedy = "put values with any of [ ] { } : # & * ! in quotes, or correct the YAML here or just above"
    return Fault((), f"not valid YAML: {problem}; {remedy}", mark.line + 1)

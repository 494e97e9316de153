"""Inserts an entry after the last table of ingest.yaml, and keeps every other byte of the file."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import yaml
from yaml.nodes import MappingNode, ScalarNode, SequenceNode

CONTENT_TOKENS = (
    yaml.ScalarToken,
    yaml.AliasToken,
    yaml.AnchorToken,
    yaml.TagToken,
    yaml.FlowSequenceEndToken,
    yaml.FlowMappingEndToken,
    yaml.ValueToken,
    yaml.BlockEntryToken,
)
"""The tokens of a node's own text; the end marks of blocks are behind the blanks and comments that follow."""
DEFAULT_INDENT = 2


@dataclass(frozen=True, slots=True)
class Edit:
    """Removes `[start:end]` from the text, and inserts `inserted` at `at`, which is behind it.

    The span is empty, except for `tables: []` and the like.
    """

    start: int
    end: int
    at: int
    inserted: str

    def applied(self, text: str) -> str:
        return text[: self.start] + text[self.end : self.at] + self.inserted + text[self.at :]


def insertion(text: str, lines: Sequence[str]) -> Edit:
    """The edit that adds these lines as a table. Raises ValueError, with a remedy, if the place is not
    certain.

    The lines are indented from the dash on; the file's own indentation is added, and its line ends.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, MappingNode) or root.flow_style:
        raise ValueError("the file is one {...}; write its keys in lines of their own, then try again")
    found = [
        (name, node) for name, node in root.value if isinstance(name, ScalarNode) and name.value == "tables"
    ]
    if not found:
        return _with_key(text, root, lines)
    name, tables = found[0]
    if tables.start_mark.index < name.end_mark.index:
        raise ValueError("`tables` is an alias of what stands above it; write the tables out, then try again")
    if isinstance(tables, ScalarNode) and tables.tag == "tag:yaml.org,2002:null":
        return _instead(text, tables.start_mark.index, tables.end_mark.index, lines)
    if not isinstance(tables, SequenceNode):
        raise ValueError(  # noqa: TRY004 - it is the file's text that is wrong
            "`tables` is not a list; write one `- ` line for each table"
        )
    if tables.flow_style and not tables.value:
        return _instead(text, tables.start_mark.index, tables.end_mark.index, lines)
    if tables.flow_style:
        line = tables.start_mark.line + 1
        raise ValueError(
            f"`tables` is written as [...] in line {line}; write one `- ` line for each table, then try again"
        )
    return _behind_last(text, tables, lines)


def _behind_last(text: str, tables: SequenceNode, lines: Sequence[str]) -> Edit:
    first = tables.value[0]
    dash = tables.start_mark
    column = dash.column
    end = _end_of_content(text, tables.start_mark.index, tables.end_mark.index)
    at = _end_of_comments(text, _end_of_line(text, end), column)
    step = first.start_mark.column - column if first.start_mark.line == dash.line else DEFAULT_INDENT
    blank = (
        any(_is_blank_above(text, item.start_mark.index) for item in tables.value[1:])
        or len(tables.value) == 1
    )
    return Edit(at, at, at, _block(text, at, lines, column, step, blank=blank))


def _instead(text: str, start: int, end: int, lines: Sequence[str]) -> Edit:
    """For `tables: []`, `tables: null` and `tables:`: removes the value, and adds the entry below."""
    at = _end_of_line(text, end)
    start = len(text[:start].rstrip(" \t"))  # else a blank remains behind the colon
    return Edit(start, end, at, _block(text, at, lines, DEFAULT_INDENT, DEFAULT_INDENT, blank=False))


def _with_key(text: str, root: MappingNode, lines: Sequence[str]) -> Edit:
    end = _end_of_content(text, root.start_mark.index, root.end_mark.index)
    at = _end_of_line(text, end)
    block = _block(text, at, ["tables:", *(f"  {line}" for line in lines)], 0, DEFAULT_INDENT, blank=True)
    return Edit(at, at, at, block)


def _end_of_content(text: str, start: int, end: int) -> int:
    last = start
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        if isinstance(token, CONTENT_TOKENS) and start <= token.start_mark.index < end:
            last = max(last, token.end_mark.index)
    # A block scalar's mark is behind the blank lines that follow it.
    return len(text[:last].rstrip())


def _end_of_line(text: str, position: int) -> int:
    found = text.find("\n", position)
    return len(text) if found < 0 else found + 1


def _end_of_comments(text: str, position: int, column: int) -> int:
    """The position behind the comments right below the last table that are indented deeper than its dash."""
    comment = re.compile(rf"[ \t]{{{column + 1},}}#[^\n]*(?:\n|\Z)")
    while match := comment.match(text, position):
        position = match.end()
    return position


def _is_blank_above(text: str, index: int) -> bool:
    above = text[:index].split("\n")[:-1]
    while above and above[-1].lstrip().startswith("#"):
        above.pop()
    return bool(above) and not above[-1].strip()


def _block(text: str, at: int, lines: Sequence[str], column: int, step: int, *, blank: bool) -> str:
    end_of_line = "\r\n" if "\r\n" in text else "\n"
    before = "" if text[:at].endswith("\n") or not text[:at] else end_of_line
    block = "".join(f"{_indented(line, column, step)}{end_of_line}" for line in lines)
    return f"{before}{end_of_line if blank else ''}{block}"


def _indented(line: str, column: int, step: int) -> str:
    """The line, indented as the file indents its dashes and, from the dash, its keys."""
    if not line.startswith(("  ", "- ")) or step == DEFAULT_INDENT:
        return f"{' ' * column}{line}"
    if line.startswith("- "):
        return f"{' ' * column}-{' ' * (step - 1)}{line[2:]}"
    return f"{' ' * column}{' ' * step}{line[2:]}"

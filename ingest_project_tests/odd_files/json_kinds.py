"""Odd NDJSON and JSON: values, broken lines, whole files of another kind."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from random import Random

from ingest_project.reading.format_options import FormatOptions
from ingest_project.settings.formats import TableFormat
from ingest_project_tests.odd_files.case import COLUMNS, AsJson, Cell, Line, Maker, Numeral, OddFile
from ingest_project_tests.odd_files.values import json_cells, odd_json

BROKEN: Mapping[str, Callable[[bytes], bytes]] = {
    "a comma before the brace": lambda line: line[:-1] + b",}",
    "single quotes": lambda line: line.replace(b'"', b"'"),
    "keys without quotes": lambda line: line.replace(b'"n"', b"n", 1),
    "NaN": lambda line: line[:-1] + b', "x": NaN}',
    "Infinity": lambda line: line[:-1] + b', "x": -Infinity}',
    "a number beyond doubles": lambda line: line[:-1] + b', "x": 1e400}',
    "a number of 400 digits": lambda line: line[:-1] + b', "x": ' + b"9" * 400 + b"}",
    "a leading zero": lambda line: line[:-1] + b', "x": 01}',
    "None": lambda line: line[:-1] + b', "x": None}',
    "half a surrogate pair": lambda line: line[:-1] + rb', "x": "\ud800"}',
    "a low surrogate": lambda line: line[:-1] + rb', "x": "\udc00 "}',
    "a raw control character": lambda line: line[:-1] + b', "x": "\x01"}',
    "a raw tab": lambda line: line[:-1] + b', "x": "\t"}',
    "Latin-1": lambda line: line[:-1] + b', "x": "\xe9"}',
    "half a character": lambda line: line[:-1] + b', "x": "\xe6\x97"}',
    "an overlong character": lambda line: line[:-1] + b', "x": "\xc0\xaf"}',
    "a surrogate in UTF-8": lambda line: line[:-1] + b', "x": "\xed\xa0\x80"}',
    "no colon": lambda line: line[:-1] + b', "x" 1}',
    "a wrong escape": lambda line: line[:-1] + rb', "x": "\x41"}',
    "deep nesting": lambda line: line[:-1] + b', "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep objects": lambda line: line[:-1] + b', "x": ' + b'{"x":' * 20_000 + b"1" + b"}" * 20_000 + b"}",
    "a comment": lambda line: line[:-1] + b"/* why */}",
    "null": lambda _: b"null",
    "a string": lambda _: b'"a line"',
    "a number": lambda _: b"12",
    "an array": lambda line: b"[" + line + b"]",
}
VALID = frozenset(
    {"a number beyond doubles", "a number of 400 digits", "half a surrogate pair", "a low surrogate"}
)
"""What JSON's grammar allows and parsers refuse; it may be rescued as text."""
BROKEN_LINES: Mapping[str, Callable[[bytes], bytes]] = {
    **BROKEN,
    "a line cut short": lambda line: line[:-8],
    "a line that lost its start": lambda line: line[8:],
    "a comma behind": lambda line: line + b",",
    "a comma between two": lambda line: line + b"," + line,
    "NUL bytes": lambda _: b"\0" * 40,
    "a NUL byte behind": lambda line: line + b"\0",
    "a record separator": lambda line: b"\x1e" + line,
    "a no-break space": lambda line: b"\xc2\xa0" + line,
    "a comment line": lambda _: b"// a comment",
    "a log line": lambda _: b"2026-11-20 INFO started",
    "a string without end": lambda line: line[:-1] + b', "x": "a}',
    "a brace too many": lambda line: line + b"}",
    "a quote too many": lambda line: line[:-1] + b', "x": ""b"}',
}
FOREIGN: Mapping[str, bytes] = {
    "HTML": b"<html>\n<body>oops</body>\n</html>\n",
    "XML of S3": b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>\n',
    "CSV": b"n,name\n1,a\n2,b\n",
    "YAML": b"n: 1\nname: a\n",
    "NUL bytes only": b"\0" * 4096,
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4,
}


def _rows(rng: Random) -> list[dict[str, Cell]]:
    return [json_cells(rng, n) for n in range(1, rng.randint(4, 14))]


def line_of(cells: Mapping[str, Cell]) -> bytes:
    return (
        "{" + ", ".join(f"{json.dumps(name)}: {cell.text}" for name, cell in cells.items()) + "}"
    ).encode()


def _document(texts: list[bytes], rng: Random) -> bytes:
    form = rng.randrange(5)
    if form == 0:
        return b"".join(texts)
    if form == 1:
        return b"\n".join(texts) + b"\n"
    between = rng.choice([b",", b",\n", b"\r\n,  "])
    return (
        rng.choice([b"", b"\n\t", b"\xef\xbb\xbf"])
        + b"["
        + between.join(texts)
        + b"]"
        + rng.choice([b"", b"\n"])
    )


def _body(file_format: TableFormat, texts: list[bytes], rng: Random) -> bytes:
    if file_format == "json":
        return _document(texts, rng)
    return rng.choice([b"\n", b"\r\n"]).join(texts) + rng.choice([b"", b"\n"])


def _made(file_format: TableFormat, kind: str, rows: list[tuple[bytes, Line]], rng: Random) -> OddFile:
    body = _body(file_format, [text for text, _ in rows], rng)
    return OddFile(file_format, kind, body, tuple(line for _, line in rows))


def with_value(file_format: TableFormat, kind: str, column: str, cell: Cell) -> Maker:
    def make(rng: Random) -> OddFile:
        rows = _rows(rng)
        for cells in rng.sample(rows, rng.randint(1, min(3, len(rows)))):
            cells[column] = cell
        return _made(
            file_format, kind, [(line_of(row), Line(place, row)) for place, row in enumerate(rows, 1)], rng
        )

    return make


def with_broken(file_format: TableFormat, name: str, breaks: Callable[[bytes], bytes]) -> Maker:
    def make(rng: Random) -> OddFile:
        rows = _rows(rng)
        broken = set(rng.sample(range(len(rows)), rng.randint(1, len(rows) - 1)))
        is_valid = name in VALID
        made = [
            (breaks(line_of(row)), Line(place + 1, row if is_valid else None, may_be_bad=is_valid))
            if place in broken
            else (line_of(row), Line(place + 1, row))
            for place, row in enumerate(rows)
        ]
        file = replace(_made(file_format, "broken row", made, rng), new_fields=is_valid)
        # The first row may be an array itself, of a document with others behind it.
        start = b"[[" if made[0][0].startswith(b"[") else b"["
        in_array = file.body.lstrip(b"\n\t\xef\xbb\xbf").startswith(start)
        if in_array or file_format == "ndjson":
            return file
        if name == "an array":  # documents one behind the other, each of which may be an array of rows
            return replace(file, lines=tuple(Line(place, row) for place, row in enumerate(rows, 1)))
        return replace(file, fate="either")

    return make


def foreign(file_format: TableFormat, kind: str, body: bytes) -> Maker:
    return lambda _: OddFile(file_format, kind, body, fate="fails")


def _good_lines(rng: Random) -> list[tuple[bytes, Line]]:
    return [(line_of(row), Line(place, row)) for place, row in enumerate(_rows(rng), 1)]


def blank_lines(rng: Random) -> OddFile:
    texts: list[bytes] = []
    lines: list[Line] = []
    for text, line in _good_lines(rng):
        texts += [rng.choice([b"", b" ", b"\t", b"\r"])] * rng.randint(0, 2)
        lines.append(Line(len(texts) + 1, line.cells))
        texts.append(rng.choice([b"", b" "]) + text + rng.choice([b"", b" ", b"\t\r"]))
    return OddFile("ndjson", "blank lines and spaces", b"\n".join(texts) + b"\n\n \n", tuple(lines))


def joined(rng: Random) -> OddFile:
    """Lines of several objects, as Firehose writes them if it is not told otherwise."""
    texts: list[bytes] = [b""]
    lines: list[Line] = []
    for text, line in _good_lines(rng):
        texts[-1] += text + rng.choice([b"", b" "])
        lines.append(Line(len(texts), line.cells))
        texts += [b""] * rng.randint(0, 1)
    return OddFile("ndjson", "several in a line", b"\n".join(texts), tuple(lines))


def marks_within(rng: Random) -> OddFile:
    rows = _good_lines(rng)
    texts = [b"\xef\xbb\xbf" + text if place % 3 == 0 else text for place, (text, _) in enumerate(rows)]
    return OddFile("ndjson", "byte order marks within", b"\n".join(texts), tuple(line for _, line in rows))


def twice(rng: Random) -> OddFile:
    rows = []
    for text, line in _good_lines(rng):
        earlier = rng.choice([b'"n": 0', b'"n": "x"', b'"amount": "no"', rb'"\u006e": null'])
        rows.append((b"{" + earlier + b", " + text[1:], line))
    return _made("ndjson", "keys that are there twice", rows, rng)


def new_fields(rng: Random) -> OddFile:
    rows = []
    for text, line in _good_lines(rng):
        if rng.random() < 0.5 or line.number == 1:
            extra = Cell(
                '{"a": [1, null], "b": 0.12345678901234567890}',
                None,
                {"a": [1, None], "b": Numeral("0.12345678901234567890")},
            )
            rows.append((text[:-1] + b', "extra": ' + extra.text.encode() + b"}", line))
            continue
        rows.append((text, line))
    file = _made("ndjson", "new fields", rows, rng)
    return OddFile(file.format, file.kind, file.body, file.lines, new_fields=True)


def integers_within(rng: Random) -> OddFile:
    """Integers among fractions in an array, that no double is equal to."""
    rows = []
    for text, line in _good_lines(rng):
        number = 2**53 + 2 * line.number + 1
        value = f"[{number}, 0.5]"
        cells = {
            **(line.cells or {}),
            "within": Cell(value, AsJson([number, Decimal("0.5")]), [Numeral(str(number)), Numeral("0.5")]),
        }
        rows.append((text[:-1] + f', "within": {value}}}'.encode(), Line(line.number, cells)))
    return replace(
        _made("ndjson", "integers within arrays", rows, rng), columns={**COLUMNS, "within": "string"}
    )


def long_line(rng: Random) -> OddFile:
    """A row of 40 MB: whole it is a row like any other, of a streamed object it is set aside."""
    rows = _good_lines(rng)
    name = "x" * 40_000_000
    cells = {**(rows[1][1].cells or {}), "name": Cell(f'"{name}"', name, name)}
    texts = [text if place != 1 else line_of(cells) for place, (text, _) in enumerate(rows)]
    lines = [line if line.number != 2 else Line(2, cells, may_be_bad=True) for _, line in rows]
    return OddFile("ndjson", "a line of 40 MB", b"\n".join(texts), tuple(lines))


def utf_16(rng: Random) -> OddFile:
    body = b"\n".join(text for text, _ in _good_lines(rng)).decode()
    return OddFile(
        "ndjson", "UTF-16", body.encode(rng.choice(["utf-16", "utf-16-le", "utf-16-be"])), fate="fails"
    )


def old_macs(rng: Random) -> OddFile:
    rows = _good_lines(rng)
    lines = tuple(Line(1, line.cells) for _, line in rows)  # to us it is one line of several objects
    return OddFile("ndjson", "lines that end in CR", b"\r".join(text for text, _ in rows), lines)


def pretty(rng: Random) -> OddFile:
    body = "\n".join(json.dumps({"n": row, "a": "b"}, indent=2) for row in range(3))
    return OddFile("ndjson", "objects over several lines", body.encode(), fate="fails")


def broken_document(rng: Random) -> OddFile:
    texts = [text for text, _ in _good_lines(rng)]
    whole = b"[" + b", ".join(texts) + b"]"
    body = rng.choice([
        whole[: rng.randrange(1, len(whole) - 1)], whole[:-1], whole[:-1] + b",]", whole + b"]",
        b" ".join(texts) + b"]",
        b"[" + b" ".join(texts) + b"]" if len(texts) > 1 else b"[,]", whole + b"garbage", b"[" + whole,
        b"// x\n" + whole, b"x" + whole,
        b"\xff\xfe" + whole, b"\xff", b'"a"', b"17", b"{", b"]", b"[}", b'["', whole.replace(b":", b"=", 1),
        b"callback(" + whole + b");",
    ])  # fmt: skip
    return OddFile("json", "a broken document", body, fate="either", lines=(), is_lax=True)


def under_path(rng: Random) -> OddFile:
    rows = _good_lines(rng)
    data = b"[" + b",".join(text for text, _ in rows) + b"]"
    body = b'{"meta": {"data": [1]}, "result": {"data": ' + data + b', "next": null}, "result": 5}'
    return OddFile(
        "json",
        "rows under a path",
        body,
        tuple(line for _, line in rows),
        options=FormatOptions(json_path=("result", "data")),
    )


def kinds(file_format: TableFormat) -> dict[str, Maker]:
    """All kinds of NDJSON or JSON by their names."""
    found: dict[str, Maker] = {}
    for name, (column, cell) in odd_json().items():
        found[name] = with_value(file_format, f"value {column}", column, cell)
    for name, breaks in (BROKEN_LINES if file_format == "ndjson" else BROKEN).items():
        found[name] = with_broken(file_format, name, breaks)
    for name, body in FOREIGN.items():
        found[name] = foreign(file_format, "another format", body)
    of_lines: tuple[Maker, ...] = (
        blank_lines, joined, marks_within, twice, new_fields, integers_within, utf_16, old_macs, pretty,
    )  # fmt: skip
    of_documents: tuple[Maker, ...] = (broken_document, under_path)
    makers = of_lines if file_format == "ndjson" else of_documents
    return found | {maker.__name__: maker for maker in makers}

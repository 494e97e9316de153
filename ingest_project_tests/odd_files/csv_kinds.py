"""Odd CSV and text: values, rows with quotes and fields astray, dialects, whole files of another kind."""

from collections.abc import Callable, Mapping, Sequence
from random import Random

from ingest_project.reading.format_options import CsvDialect, FormatOptions
from ingest_project_tests.odd_files.case import COLUMNS, Cell, Line, Maker, OddFile
from ingest_project_tests.odd_files.json_kinds import FOREIGN
from ingest_project_tests.odd_files.values import csv_cells, odd_csv

BROKEN: Mapping[str, Callable[[bytes], bytes]] = {
    "a field too few": lambda row: row.rpartition(b",")[0],
    "a field too many": lambda row: row + b",more",
    "two delimiters behind": lambda row: row + b",,",
    "one field": lambda _: b"orphan",
    "text behind a quote": lambda row: row.rpartition(b",")[0] + b',"a"b',
    "a quote that never closes": lambda row: row.rpartition(b",")[0] + b',"open',
    "a lone quote": lambda row: row.rpartition(b",")[0] + b',"',
    "Latin-1": lambda row: row.rpartition(b",")[0] + b",\xe9",
    "half a character": lambda row: row.rpartition(b",")[0] + b",\xe6\x97",
    "NUL bytes": lambda _: b"\0" * 30,
    "semicolons": lambda row: row.replace(b",", b";"),
    "a total": lambda _: b"Total: 12 rows",
}


def _rows(rng: Random) -> list[dict[str, Cell]]:
    return [csv_cells(rng, n) for n in range(1, rng.randint(4, 14))]


def _row(cells: Mapping[str, Cell]) -> bytes:
    return ",".join(cell.text for cell in cells.values()).encode()


def _file(
    kind: str, rows: Sequence[tuple[bytes, Mapping[str, Cell] | None]], rng: Random, end: bytes | None = None
) -> OddFile:
    """The rows below their header, each with the number of its first line."""
    end = end or rng.choice([b"\n", b"\r\n"])
    number, lines, texts = 2, [], [",".join(COLUMNS).encode()]
    for text, cells in rows:
        lines.append(Line(number, cells))
        texts.append(text)
        number += text.count(b"\n") + 1
    return OddFile("csv", kind, end.join(texts) + rng.choice([b"", end]), tuple(lines))


def with_value(column: str, cell: Cell) -> Maker:
    def make(rng: Random) -> OddFile:
        rows = _rows(rng)
        for cells in rng.sample(rows, rng.randint(1, min(3, len(rows)))):
            cells[column] = cell
        return _file(f"value {column}", [(_row(row), row) for row in rows], rng)

    return make


def with_broken(breaks: Callable[[bytes], bytes], *, once: bool) -> Maker:
    def make(rng: Random) -> OddFile:
        rows = _rows(rng)
        for row in rows:  # a quote that never closes may close at another one further on
            row["name"] = Cell("w", "w", "w")
        broken = set(rng.sample(range(len(rows)), 1 if once else rng.randint(1, len(rows) - 1)))
        made = [
            (breaks(_row(row)), None) if place in broken else (_row(row), row)
            for place, row in enumerate(rows)
        ]
        return _file("broken row", made, rng)

    return make


def plain(rng: Random) -> OddFile:
    return _file("clean", [(_row(row), row) for row in _rows(rng)], rng)


def blank_lines(rng: Random) -> OddFile:
    file = plain(rng)
    body = b"\n\r\n" + file.body.rstrip(b"\r\n") + b"\n\n\r\n\n"
    return OddFile(
        "csv", "blank lines", body, tuple(Line(line.number + 2, line.cells) for line in file.lines)
    )


def in_utf_16(rng: Random) -> OddFile:
    file = plain(rng)
    coded = "\ufeff".encode("utf-16-be") + file.body.decode().encode("utf-16-be")
    body = rng.choice(
        [
            file.body.decode().encode("utf-16"),
            coded,
            file.body.decode().encode("utf-32"),
            b"\xef\xbb\xbf" + file.body,
        ]
    )
    return OddFile("csv", "UTF-16, UTF-32, marks", body, file.lines)


def utf_16_without_mark(rng: Random) -> OddFile:
    return OddFile("csv", "UTF-16 without a mark", plain(rng).body.decode().encode("utf-16-le"), fate="fails")


def in_latin_1(rng: Random) -> OddFile:
    rows = _rows(rng)
    for row in rows:
        row["name"] = Cell("caf\xe9", "caf\xe9", "caf\xe9")
    file = _file("Latin-1, declared", [(_row(row), row) for row in rows], rng)
    options = FormatOptions(csv=CsvDialect(encoding="latin-1"))
    return OddFile("csv", file.kind, file.body.decode().encode("latin-1"), file.lines, options=options)


def with_comments(rng: Random) -> OddFile:
    rows = _rows(rng)
    texts, lines = [b'# made by "us', b"#", ",".join(COLUMNS).encode()], []
    for row in rows:
        texts += [b'# a "comment, with\xc3\xa9 quotes'] * rng.randint(0, 2)
        lines.append(Line(sum(text.count(b"\n") + 1 for text in texts) + 1, row))
        texts.append(_row(row))
    options = FormatOptions(csv=CsvDialect(comment="#"))
    return OddFile("csv", "comments", b"\n".join(texts), tuple(lines), options=options)


def other_dialect(rng: Random) -> OddFile:
    rows = _rows(rng)
    for row in rows:
        row["name"] = Cell("a,b\"c'", "a,b\"c'", "a,b\"c'")
        row["code"] = Cell(r"\N", None, None)
        row["at"] = Cell("", None, None)
    texts = ["|".join(cell.text for cell in row.values()) for row in rows]
    lines = tuple(Line(place, row) for place, row in enumerate(rows, 1))
    dialect = CsvDialect(delimiter="|", quote=None, names=tuple(COLUMNS), null_values=(r"\N",))
    return OddFile(
        "csv", "no header, no quotes", "\n".join(texts).encode(), lines, options=FormatOptions(csv=dialect)
    )


def of_another_delimiter(rng: Random) -> OddFile:
    return OddFile("csv", "another delimiter", b"n;name;amount\n1;a;2\n3;b;4\n", fate="strange")


def ends_in_delimiters(rng: Random) -> OddFile:
    lines = tuple(
        Line(row + 1, {"n": Cell(f"{row}", row, f"{row}"), "name": Cell(name, name, name)})
        for row, name in enumerate("ab", start=1)
    )
    return OddFile("csv", "every line ends in a delimiter", b"n,name,\n1,a,\n2,b,\n", lines)


def names_twice(rng: Random) -> OddFile:
    header = rng.choice([b"n,name,n", b"n,n,n", b"\0,n,name"])
    return OddFile("csv", "names twice", header + b"\n1,a,2\n", fate="fails")


def old_macs(rng: Random) -> OddFile:
    rows = _rows(rng)
    texts, lines = [",".join(COLUMNS).encode()], []
    for place, row in enumerate(rows):
        row["name"] = Cell('"two\nlines"', "two\nlines", "two\nlines")
        is_bad = place % 3 == 2
        lines.append(Line(place + 2, None if is_bad else row))
        texts.append(b"orphan" if is_bad else _row(row))
    return OddFile("csv", "lines that end in CR", b"\r".join(texts) + rng.choice([b"", b"\r"]), tuple(lines))


def dumped(rng: Random) -> OddFile:
    """As MySQL's OUTFILE and PostgreSQL's COPY write it."""
    texts, lines, number = [], [], 1
    for place, row in enumerate(_rows(rng)):
        row["name"] = rng.choice(
            [
                Cell(r"a\\\,b\"", 'a\\,b"', 'a\\,b"'),
                Cell("two\\\nlines", "two\nlines", "two\nlines"),
                Cell(r"\\N", r"\N", r"\N"),
                Cell(r"x\ty\n", "x\ty\n", "x\ty\n"),
            ]
        )
        row["code"] = Cell(r"\N", None, None)
        is_bad = place % 4 == 3
        text = _row(row) + rb"\q" if is_bad else _row(row)
        lines.append(Line(number, None if is_bad else row))
        texts.append(text)
        number += text.count(b"\n") + 1
    dialect = CsvDialect(escape="\\", names=tuple(COLUMNS))
    body = b"\n".join(texts)
    return OddFile("csv", "escapes", body, tuple(lines), options=FormatOptions(csv=dialect))


def by_spark(rng: Random) -> OddFile:
    rows = _rows(rng)
    for row in rows:
        row["name"] = rng.choice(
            [
                Cell(r'"say \"hi\", then"', 'say "hi", then', 'say "hi", then'),
                Cell(r'"a,\\"', "a,\\", "a,\\"),
                Cell(r"C:\new\\", r"C:\new\\", r"C:\new\\"),
            ]
        )
    file = _file("quotes escaped", [(_row(row), row) for row in rows], rng)
    options = FormatOptions(csv=CsvDialect(quote_escape="\\"))
    return OddFile("csv", file.kind, file.body, file.lines, options=options)


def nothing(rng: Random) -> OddFile:
    body = rng.choice(
        [
            b"",
            b"\n",
            b"\r\n\r\n",
            ",".join(COLUMNS).encode(),
            ",".join(COLUMNS).encode() + b"\r\n",
            b"\xef\xbb\xbf",
            b"\xff\xfe",
        ]
    )
    return OddFile("csv", "no rows", body)


def wide(rng: Random) -> OddFile:
    names = [*COLUMNS, *(f"c{place}" for place in range(10_000))]
    rows = _rows(rng)[:3]
    texts = [",".join(names).encode(), *(_row(row) + b",x" * 10_000 for row in rows)]
    lines, number = [], 2
    for row in rows:
        lines.append(Line(number, row))
        number += _row(row).count(b"\n") + 1
    return OddFile("csv", "10,000 columns", b"\n".join(texts), tuple(lines), new_fields=True, streams=False)


def csv_kinds() -> dict[str, Maker]:
    """All kinds of CSV by their names."""
    found = {name: with_value(column, cell) for name, (column, cell) in odd_csv().items()}
    found |= {name: with_broken(breaks, once=name == "a lone quote") for name, breaks in BROKEN.items()}
    foreign = {name: body for name, body in FOREIGN.items() if name != "CSV"}
    for name, body in foreign.items():
        found[name] = _foreign(body)
    makers = (
        plain, blank_lines, in_utf_16, utf_16_without_mark, in_latin_1, with_comments, other_dialect,
        of_another_delimiter,
        ends_in_delimiters, names_twice, old_macs, dumped, by_spark, nothing, wide,
    )  # fmt: skip
    return found | {maker.__name__: maker for maker in makers}


def _foreign(body: bytes) -> Maker:
    return lambda _: OddFile("csv", "another format", body, fate="strange")


TEXTS: Mapping[str, tuple[bytes, str | None]] = {
    "plain": (b"a line", "a line"), "blank": (b"", ""), "spaces": (b"  ", "  "),
    "CR within": (b"a\rb", "a\rb"),
    "quotes": (b'"a', '"a'), "a mark": (b"x\xef\xbb\xbf", "x\ufeff"),
    "form feed": (b"a\x0cb\x85"[:3], "a\x0cb"), "separators": ("\u2028\x85".encode(), "\u2028\x85"),
    "long": (b"x" * 100_000, "x" * 100_000), "a control": (b"\x1b[2J", "\x1b[2J"), "NUL": (b"a\0b", None),
    "Latin-1": (b"caf\xe9", None),
    "half": (b"\xe6\x97", None), "overlong": (b"\xc0\xaf", None), "a surrogate": (b"\xed\xa0\x80", None),
    "beyond": (b"\xf5\x80\x80\x80", None),
}  # fmt: skip


def with_text(raw: bytes, text: str | None) -> Maker:
    def make(rng: Random) -> OddFile:
        count = rng.randint(3, 12)
        odd = set(rng.sample(range(count), rng.randint(1, count - 1)))
        lines = []
        for place in range(count):
            told = text if place in odd else f"line {place}"
            number = Cell("", place + 1, place + 1)
            lines.append(
                Line(place + 1, None if told is None else {"n": number, "line": Cell("", told, told)})
            )
        texts = [raw if place in odd else b"line %d" % place for place in range(count)]
        return OddFile("text", "odd line", rng.choice([b"\n", b"\r\n"]).join(texts) + b"\n", tuple(lines))

    return make


def text_kinds() -> dict[str, Maker]:
    """All kinds of text by their names. A row's `n` is its line_number."""
    return {name: with_text(raw, text) for name, (raw, text) in TEXTS.items()}

"""CSV as databases and engines dump it, with the options that docs/columns.md gives for each of them."""

from dataclasses import dataclass

import pytest
import yaml

from ingest_project.reading.format_options import CsvDialect, format_options
from ingest_project_tests.reading.formats.csv.readings import outcome
from ingest_project_tests.settings.factories import table

COLUMNS = {"n": "long", "s": "string", "t": "string"}
Row = tuple[int, str | None, str | None]
MYSQL = r'{delimiter: "\t", quote: null, header: false, escape: "\\"}'
MYSQL_ENCLOSED = r'{delimiter: "\t", header: false, escape: "\\"}'
MYSQL_NOT_ESCAPED = r'{header: false, null_values: ["NULL"]}'
POSTGRES_TEXT = MYSQL
HIVE = r'{delimiter: "\x01", quote: null, header: false, escape: "\\"}'
REDSHIFT = r'{delimiter: "|", quote: null, header: false, escape: "\\"}'
REDSHIFT_QUOTED = r'{delimiter: "|", header: false, escape: "\\", null_values: ["@NULL@"]}'
QUOTE_ESCAPE = r'{quote_escape: "\\"}'
PLAIN = "{}"


@dataclass(frozen=True, slots=True)
class Dump:
    """What a program writes for these rows, which are there twice, and the options that read it.

    `ends` are the ends of its lines.
    """

    csv: str
    body: str
    rows: tuple[Row, ...]
    ends: tuple[str, ...] = ("\n", "\r\n")

    def bytes(self, end: str) -> bytes:
        header = "n,s,t⏎" if "header" not in self.csv else ""
        return (header + self.body * 2).replace("⏎", end).encode()


DUMPS = {
    "mysql": Dump(
        MYSQL,
        '1\t"q"\t\\N⏎2\ta\\\tb\\\\\tit\'s "5"⏎3\t\t\\0\\\\N⏎4\tü\\\\\\\\\tx,y⏎',
        ((1, '"q"', None), (2, "a\tb\\", 'it\'s "5"'), (3, None, "\0\\N"), (4, "ü\\\\", "x,y")),
    ),
    "mysql, lines in LF": Dump(
        MYSQL,
        "1\ttwo\\\nlines\ta\\\\⏎2\tx\\\n\\\ny\t\\\n⏎",
        ((1, "two\nlines", "a\\"), (2, "x\n\ny", "\n")),
        ("\n",),
    ),
    "mysql, lines in CRLF": Dump(
        MYSQL, "1\tx\\\ry\tb⏎2\t\\\r\\\\\t\\N⏎", ((1, "x\ry", "b"), (2, "\r\\", None)), ("\r\n",)
    ),
    "mysql enclosed": Dump(
        MYSQL_ENCLOSED,
        '1\t"say \\"hi\\"\ttoo"\t\\N⏎2\t"C:\\\\dir\\\\"\t"\\0,\\\\N"⏎3\tplain\t""⏎',
        ((1, 'say "hi"\ttoo', None), (2, "C:\\dir\\", "\0,\\N"), (3, "plain", "")),
    ),
    "mysql enclosed, lines in LF": Dump(
        MYSQL_ENCLOSED,
        '1\t"two\\\nlines\r\\\n"\t"a"⏎',
        ((1, "two\nlines\r\n", "a"),),
        ("\n",),
    ),
    "mysql enclosed, lines in CRLF": Dump(
        MYSQL_ENCLOSED,
        '1\t"two\nlines\\\r\n"\t"\\\r"⏎2\t"\n"\t\\N⏎',
        ((1, "two\nlines\r\n", "\r"), (2, "\n", None)),
        ("\r\n",),
    ),
    "mysql not escaped": Dump(
        MYSQL_NOT_ESCAPED, '1,"a ""b"" \\",NULL⏎2,"x\ny","\\N"⏎', ((1, 'a "b" \\', None), (2, "x\ny", "\\N"))
    ),
    "postgresql text": Dump(
        POSTGRES_TEXT,
        '1\tx\\ny\\tz\\r\t\\N⏎2\t"5"\t\\b\\f\\v\\\\n⏎3\t\t\\\\N\\\\⏎',
        ((1, "x\ny\tz\r", None), (2, '"5"', "\b\f\v\\n"), (3, None, "\\N\\")),
    ),
    "postgresql csv": Dump(
        PLAIN,
        '1,"a ""b"", \\","x\ny"⏎2,,""⏎3,\\N,⏎',
        ((1, 'a "b", \\', "x\ny"), (2, None, ""), (3, "\\N", None)),
    ),
    "postgresql csv with escape": Dump(
        QUOTE_ESCAPE, '1,"a \\"b\\", \\\\",x\\y⏎2,,"\\\\N"⏎', ((1, 'a "b", \\', "x\\y"), (2, None, "\\N"))
    ),
    "hive": Dump(HIVE, '1\x01a\\\x01b\x01\\N⏎2\x01"x"\x01\\\\⏎', ((1, "a\x01b", None), (2, '"x"', "\\"))),
    "redshift": Dump(
        REDSHIFT,
        "1|a\\|b|two\\\nlines\\\r\\\n⏎2|\"x\" 'y'|\\\\⏎3||it's⏎",
        ((1, "a|b", "two\nlines\r\n"), (2, "\"x\" 'y'", "\\"), (3, None, "it's")),
    ),
    "redshift with quotes": Dump(
        REDSHIFT_QUOTED,
        '"1"|"a\\|b \\"c\\" it\\\'s"|@NULL@⏎"2"|"\\\\"|"@NULL@"⏎"3"|""|"x\\\ny"⏎',
        ((1, 'a|b "c" it\'s', None), (2, "\\", None), (3, "", "x\ny")),
    ),
    "spark": Dump(
        QUOTE_ESCAPE,
        '1,"say \\"hi\\", then",C:\\new\\⏎2,"a\\nb\\\\","two\nlines"⏎3,"",\\N⏎',
        ((1, 'say "hi", then', "C:\\new\\"), (2, "a\\nb\\", "two\nlines"), (3, "", "\\N")),
    ),
    "spark with doubled quotes": Dump(
        PLAIN, '1,"say ""hi""","\\"⏎2,C:\\new\\,x⏎', ((1, 'say "hi"', "\\"), (2, "C:\\new\\", "x"))
    ),
}


def dialect_of(csv: str) -> CsvDialect:
    settings = {"format": "csv", "csv": yaml.safe_load(csv), "columns": COLUMNS}
    return format_options(table(yaml.safe_dump(settings))).csv


@pytest.mark.parametrize("in_pieces", [False, True], ids=["whole", "pieces"])
@pytest.mark.parametrize(
    ("dump", "end"),
    [pytest.param(dump, end, id=f"{name}-{end!r}") for name, dump in DUMPS.items() for end in dump.ends],
)
def test_a_dump_is_read_with_the_options_for_its_writer(dump: Dump, end: str, in_pieces: bool) -> None:
    found = outcome(dump.bytes(end), COLUMNS, dialect=dialect_of(dump.csv), in_pieces=in_pieces)

    assert (found.rejected, found.failure) == ([], None)
    assert [tuple(row.values()) for row in found.rows] == [*dump.rows, *dump.rows]


@pytest.mark.parametrize(
    ("csv", "body", "rows", "bad"),
    [
        (
            MYSQL, "1\ta\tx\ny\r\n2\ta\tb\r\n", [(1, "a", "x"), (2, "a", "b")],
            [(2, "it has 1 fields instead of 3")],
        ),
        (
            MYSQL, "1\ta\rb\tc\n2\ta\tb\r\n", [(2, "a", "b")],
            [(1, "it has a carriage return outside of quotes")],
        ),
        (
            POSTGRES_TEXT, "1\t\\101\tb\n2\ta\tb\n\\.\n", [(2, "a", "b")],
            [(1, "has an unknown escape sequence"), (3, "it has 1 fields instead of 3")],
        ),
        (MYSQL_NOT_ESCAPED, '1,"NULL",NULL\n', [(1, None, None)], []),
    ],
)  # fmt: skip
def test_what_no_option_can_say_is_as_documented(
    csv: str, body: str, rows: list[Row], bad: list[tuple[int, str]]
) -> None:
    found = outcome(body.encode(), COLUMNS, dialect=dialect_of(csv))

    assert [tuple(row.values()) for row in found.rows] == rows
    assert [line for line, *_ in found.rejected] == [line for line, _ in bad]
    for (*_, reason), (_, expected) in zip(found.rejected, bad, strict=True):
        assert expected in str(reason)

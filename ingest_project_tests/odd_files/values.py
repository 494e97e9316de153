"""Values that break readers, as JSON and CSV spell them, with what each is in its declared column."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from random import Random

from ingest_project_tests.odd_files.case import EITHER, MISFIT, AsJson, Cell, Numeral

WORDS = [
    "plain",
    "",
    "comma, and more",
    'a "quote"',
    "日本語",
    "é",
    "\U0001f600",
    "two\nlines",
    "tab\t",
    "NULL",
    "-",
    "0042",
]
TIMES = {
    "2026-11-20T10:11:12Z": datetime(2026, 11, 20, 10, 11, 12, tzinfo=UTC),
    "2026-11-20 10:11:12.123456+02:00": datetime(2026, 11, 20, 8, 11, 12, 123456, tzinfo=UTC),
    "1970-01-01T00:00:00": datetime(1970, 1, 1, tzinfo=UTC),
    "9999-12-31T23:59:59Z": datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    "0001-01-01T00:00:00Z": datetime(1, 1, 1, tzinfo=UTC),
}
ODD_TIMES = [
    "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "2026-11-20T10:11:60Z", "2026-11-20T24:00:00Z",
    "2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z", "2026-11-20T10:11:12.1234567Z", "20.11.2026 10:11", "now",
    "1763633472",
    "2026-11-20", "11/20/2026", "2026-11-20T10:11:12+25:00", "-0001-01-01T00:00:00Z", "2026-W47-5",
    " 2026-11-20T10:11:12Z",
    "\uff12026-11-20T10:11:12Z", "2026-11-20T10:11:12Z\n", "2026-11-20T10:11:12.Z",
]  # fmt: skip
EITHER_TIMES = frozenset({"2026-11-20", " 2026-11-20T10:11:12Z", "2026-11-20T10:11:12.Z"})
ODD_AMOUNTS = {
    "12.505": MISFIT, "1e2": Decimal("100.00"), "-0": Decimal(0), "99999999999.99": MISFIT,
    "9999999999.99": Decimal("9999999999.99"),
    "0.10": Decimal("0.10"), "1E-1": Decimal("0.10"), "12.5000": Decimal("12.50"), "1e-30": MISFIT,
    "1e30": MISFIT,
}  # fmt: skip
BAD_AMOUNT_TEXTS = [
    "1,234.50",
    "N/A",
    "NaN",
    "Infinity",
    "-inf",
    "12.5 EUR",
    "1_000",
    "0x10",
    "١٢",
    "--1",
    "1e999999999",
    ".",
]
ODD_CODES = {
    "2147483648": MISFIT, "-2147483649": MISFIT, "2147483647": 2147483647, "1.5": MISFIT,
    "123456789012345678901234567890": MISFIT,
}  # fmt: skip
MAX_DOUBLE = "1.7976931348623157e308"
ODD_RATIOS = {
    "1e-400": 0.0, "-0.0": -0.0, MAX_DOUBLE: float(MAX_DOUBLE), "5e-324": 5e-324, "0.1": 0.1,
    "9007199254740993": MISFIT, "9007199254740992": 9007199254740992.0,
}  # fmt: skip


def string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def json_cells(rng: Random, n: int) -> dict[str, Cell]:
    """A good row of JSON."""
    name, (at, instant) = rng.choice(WORDS), rng.choice(list(TIMES.items()))
    amount, ratio = f"{rng.randint(-(10**9), 10**9) / 100:.2f}", repr(rng.uniform(-1e6, 1e6))
    ok, code = rng.choice([True, False]), rng.randint(-(2**31), 2**31 - 1)
    cells = {
        "n": Cell(str(n), n, n),
        "name": Cell(string(name), name, name),
        "amount": Cell(amount, Decimal(amount), Numeral(amount)),
        "ratio": Cell(ratio, float(ratio), Numeral(ratio)),
        "at": Cell(string(at), instant, at),
        "ok": Cell(json.dumps(ok), ok, ok),
        "code": Cell(str(code), code, code),
    }
    for column in rng.sample(list(cells)[1:], rng.choice([0, 0, 1, 2])):
        cells[column] = Cell("null", None, None)
    return cells


def odd_json() -> dict[str, tuple[str, Cell]]:
    """By a name, a column and what may stand in it."""
    found = [
        ("at", Cell(string(text), EITHER if text in EITHER_TIMES else MISFIT, text)) for text in ODD_TIMES
    ]
    found += [
        ("at", Cell(text, MISFIT, json.loads(text))) for text in ("1763633472", "true", "{}", "[]", '""')
    ]
    for column, odd in (("amount", ODD_AMOUNTS), ("code", ODD_CODES), ("ratio", ODD_RATIOS)):
        found += [(column, Cell(text, value, Numeral(text))) for text, value in odd.items()]
    found += [("amount", Cell(string(text), MISFIT, text)) for text in BAD_AMOUNT_TEXTS]
    found += [
        ("amount", Cell(string("7.25"), Decimal("7.25"), "7.25")),
        ("amount", Cell("true", MISFIT, True)),
    ]
    found += [("code", Cell(string("1"), 1, "1")), ("ratio", Cell(string("1"), 1.0, "1"))]
    found += [("ok", Cell(string("true"), True, "true")), ("ok", Cell(string("1"), MISFIT, "1"))]
    found += [(column, Cell(string("one"), MISFIT, "one")) for column in ("code", "ratio", "ok")]
    found += [
        (column, Cell('{"a": [1]}', MISFIT, {"a": [1]})) for column in ("code", "ratio", "ok", "amount")
    ]
    found += [("ok", Cell(text, MISFIT, json.loads(text))) for text in ("0", "1", '"yes"', "[true]")]
    found += [
        ("name", Cell(text, AsJson(json.loads(text)), json.loads(text)))
        for text in ("7", "true", '{"a": {"b": "\\n"}}', "[1, [2, {}]]", "{}", "[]", '{"\\u0001": "\\u0000"}')
    ]
    numbers = ("0.1234567890123456789", "123456789012345678901234567890", "1.10")
    found += [("name", Cell(text, AsJson(Decimal(text)), Numeral(text))) for text in numbers]
    escaped = {
        r'"\u0000"': "\x00",
        r'"\ud83d\ude00"': "\U0001f600",
        r'"\/\b"': "/\b",
        r'"\\u0041"': r"\u0041",
    }
    found += [("name", Cell(text, value, value)) for text, value in escaped.items()]
    raw = {'"\u2028\ufeff"': "\u2028\ufeff", '"\x7f"': "\x7f", '"' + "x" * 70_000 + '"': "x" * 70_000}
    found += [("name", Cell(text, value, value)) for text, value in raw.items()]
    return {f"{column}: {cell.text[:24]}": (column, cell) for column, cell in found}


def csv_cells(rng: Random, n: int) -> dict[str, Cell]:
    """A good row of CSV: every plain value is text."""
    cells: dict[str, Cell] = {}
    for column, cell in json_cells(rng, n).items():
        text = (
            ""
            if cell.value is None
            else str(json.loads(cell.text))
            if column in {"name", "at"}
            else cell.text
        )
        quoted = column == "name" and cell.value is not None
        cells[column] = Cell(csv_text(text, quoted=quoted), cell.value, None if cell.value is None else text)
    return cells


def csv_text(text: str, *, quoted: bool = False) -> str:
    needs = quoted or any(mark in text for mark in ',"\n\r;#')
    return '"' + text.replace('"', '""') + '"' if needs else text


def odd_csv() -> dict[str, tuple[str, Cell]]:
    """By a name, a column and what may stand in it."""
    found = [
        ("at", Cell(csv_text(text), EITHER if text in EITHER_TIMES else MISFIT, text)) for text in ODD_TIMES
    ]
    for column, odd in (("amount", ODD_AMOUNTS), ("code", ODD_CODES), ("ratio", ODD_RATIOS)):
        for text, value in odd.items():
            found.append((column, Cell(text, value, text)))
    found += [("amount", Cell(csv_text(text), MISFIT, text)) for text in BAD_AMOUNT_TEXTS]
    found += [("code", Cell(text, EITHER, text)) for text in ("+5", "007", " 5", "5 ")]
    found += [("ok", Cell(text, MISFIT, text)) for text in ("0", "1", "yes", "t", " true")]
    found += [("ok", Cell(text, value, text)) for text, value in (("TRUE", True), ("False", False))]
    found += [
        ("name", Cell(text, text, text))
        for text in ("NULL", "N/A", "nan", " spaced ", "a\tb", "it's", "=1+1", "\ufeff")
    ]
    found += [("name", Cell('5" disk', '5" disk', '5" disk')), ("name", Cell('a"b"c', 'a"b"c', 'a"b"c'))]
    found += [
        ("name", Cell('"say ""hi"", then\n\n# end"', 'say "hi", then\n\n# end', 'say "hi", then\n\n# end'))
    ]
    found += [("name", Cell('""', "", "")), ("name", Cell('""""', '"', '"')), ("name", Cell("", None, None))]
    found += [("name", Cell('"' + "x" * 200_000 + '"', "x" * 200_000, "x" * 200_000))]
    found += [("name", Cell('"a\r\nb"', "a\r\nb", "a\r\nb")), ("name", Cell('"a\rb"', "a\rb", "a\rb"))]
    return {f"{column}: {cell.text[:24]!r}": (column, cell) for column, cell in found}

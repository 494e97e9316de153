"""All bodies that the reading is measured with: ordinary contents, bad rows, and small changes of both."""

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

import polars as pl

from ingest_project.reading.target import Target
from ingest_project_tests.bench.orders import COLUMNS, joined, ndjson
from ingest_project_tests.bench.reading.case import Bad, Bodies, Case, target_of
from ingest_project_tests.bench.reading.cliffs import PLAIN, cliffs

JSON_RIVALS = ("pyarrow", "Polars", "DuckDB")
CSV_RIVALS = ("Polars", "DuckDB")
NESTED = COLUMNS | {
    "address": "struct<city: string, zip: string>",
    "tags": "list<string>",
    "rating": "double",
}
Change = Callable[[bytes], bytes]
JSON_FAULTS: Mapping[str, Change] = {
    "half a line": lambda line: line[:20] + b"\n",
    "a text for an int": lambda line: re.sub(rb'"items":\d+', b'"items":"many"', line),
    "no time": lambda line: re.sub(rb'"ordered_at":"[^"]*"', b'"ordered_at":"soon"', line),
}
CSV_FAULTS: Mapping[str, Change] = {
    "a field too many": lambda line: line.rstrip(b"\n") + b",1\n",
    "a text for an int": lambda line: b"x" + line,
}


def cases() -> list[Case]:
    """All of them; each has its own name."""
    return [*_ordinary(), *_of_json(), *_of_csv(), *cliffs()]


def _ordinary() -> Iterator[Case]:
    """NDJSON of programs, from integers and plain texts to all of them together."""
    yield _columns("ndjson, integers and texts", "order_id", "customer", "items")
    yield _columns("ndjson, a decimal", "order_id", "customer", "items", "amount")
    yield _columns("ndjson, escapes", "order_id", "customer", "items", "note")
    yield _columns("ndjson, a decimal and escapes", "order_id", "customer", "items", "amount", "note")
    yield _columns("ndjson, times", "order_id", "customer", "items", "ordered_at")
    yield Case(PLAIN["ndjson"], "ndjson", _plain, target_of(), PLAIN["ndjson"], JSON_RIVALS)
    yield _nested()
    yield Case(
        "ndjson, nothing declared", "ndjson", _plain, Target(None), "ndjson, nothing declared", JSON_RIVALS
    )


def _columns(name: str, *columns: str) -> Case:
    def make(bodies: Bodies) -> bytes:
        return joined(ndjson(bodies.frame, columns))

    return Case(name, "ndjson", make, target_of({one: COLUMNS[one] for one in columns}), name, JSON_RIVALS)


def _nested() -> Case:
    """The same rows with an object, an array and a fraction; one in ten has no note and no object."""

    def make(bodies: Bodies) -> bytes:
        more = ',"address":{"city":"Zug","zip":"06300"},"tags":["a","b"],"rating":4.5}\n'
        less = ',"address":null,"tags":[],"rating":null}\n'
        lines = pl.DataFrame({"line": bodies.lines}).with_columns(
            pl.col("line").str.strip_suffix("}\n"), few=pl.int_range(pl.len()) % 10 == 0
        )
        without = pl.col("line").str.replace(r'"note":".*","amount"', '"note":null,"amount"')
        changed = pl.when("few").then(without + pl.lit(less)).otherwise(pl.col("line") + pl.lit(more))
        return joined(lines.select(changed).to_series())

    name = "ndjson, nested and nulls"
    return Case(name, "ndjson", make, target_of(NESTED), name, JSON_RIVALS)


def _of_json() -> Iterator[Case]:
    changes: dict[str, Callable[[bytes], bytes]] = {
        "CRLF": lambda body: body.replace(b"\n", b"\r\n"),
        "a byte order mark": lambda body: b"\xef\xbb\xbf" + body,
        "blanks behind colons": lambda body: body.replace(b'":', b'": '),
        "times with a blank": lambda body: re.sub(rb"(\d)T(\d)", rb"\1 \2", body),
        "times with six digits": lambda body: re.sub(rb"(:\d\d)Z", rb"\1.123456Z", body),
        "times with an offset": lambda body: re.sub(rb"(:\d\d)Z", rb"\1+00:00", body),
    }
    for name, change in changes.items():
        yield Case(f"ndjson, {name}", "ndjson", _then(_plain, change), target_of(), PLAIN["ndjson"])
    yield from _with_faults("ndjson", JSON_FAULTS, lambda bodies: [], lambda bodies: _encoded(bodies.lines))


def _of_csv() -> Iterator[Case]:
    def plain(bodies: Bodies) -> bytes:
        return b"".join(bodies.csv)

    def quoted(bodies: Bodies) -> bytes:
        texts = pl.read_csv(plain(bodies), infer_schema=False)
        return texts.write_csv(quote_style="always").encode()

    def crlf(bodies: Bodies) -> bytes:
        return plain(bodies).replace(b"\n", b"\r\n")

    yield Case(PLAIN["csv"], "csv", plain, target_of(), PLAIN["csv"], CSV_RIVALS)
    yield Case("csv, all quoted", "csv", quoted, target_of(), PLAIN["csv"], CSV_RIVALS)
    yield Case("csv, CRLF", "csv", crlf, target_of(), PLAIN["csv"])
    yield from _with_faults("csv", CSV_FAULTS, lambda bodies: bodies.csv[:1], lambda bodies: bodies.csv[1:])


def _with_faults(
    form: str,
    faults: Mapping[str, Change],
    head: Callable[[Bodies], Sequence[bytes]],
    rows: Callable[[Bodies], Sequence[bytes]],
) -> Iterator[Case]:
    def case(name: str, change: Change, bad: Bad) -> Case:
        def make(bodies: Bodies) -> bytes:
            return b"".join((*head(bodies), *_changed(rows(bodies), change, bodies.bad(bad))))

        target, told = target_of(), f"{form}, {bad} bad: {name}"
        return Case(told, "csv" if form == "csv" else "ndjson", make, target, PLAIN[form], bad=bad)

    for name, change in faults.items():
        yield case(name, change, "one")
        yield case(name, change, "1 %")


def _plain(bodies: Bodies) -> bytes:
    return joined(bodies.lines)


def _then(make: Callable[[Bodies], bytes], change: Change) -> Callable[[Bodies], bytes]:
    return lambda bodies: change(make(bodies))


def _encoded(lines: pl.Series) -> list[bytes]:
    return [line.encode() for line in lines]


def _changed(lines: Sequence[bytes], change: Change, count: int) -> Iterator[bytes]:
    """The lines, so many of them changed."""
    places = set(random.Random(count).sample(range(len(lines)), count))  # noqa: S311 - the same each time
    return (change(line) if place in places else line for place, line in enumerate(lines))

"""Converts a CSV file to the text that is parsed: UTF-8, a header and rows, without marks and comments."""

import re
from dataclasses import dataclass, field

from ingest_project.errors import ObjectUnreadable
from ingest_project.reading.format_options import CsvDialect
from ingest_project.reading.formats.csv.excel_mark import excel_mark
from ingest_project.reading.formats.csv.transcoding import Transcoder

LINE_ENDS = b"\r\n"
UTF_8_MARK = b"\xef\xbb\xbf"
BYTE_ORDER_MARKS = {
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
"""Those of UTF-32 come first, because one of them begins like one of UTF-16."""
UTF_8 = frozenset({"utf-8", "utf-8-sig"})


@dataclass(frozen=True, slots=True)
class CsvText:
    """A header line and the rows below it, up to a last line end, and the dialect of this file.

    The text is empty if the file has only blank lines and comments.
    """

    text: bytes = field(repr=False)
    dialect: CsvDialect


def csv_text(body: bytes, dialect: CsvDialect, uri: str) -> CsvText:
    """The text of a file whose table has this dialect; Excel's `sep=;` at its top is removed and sets the
    delimiter.

    If the file has no header, one with made-up names is put above the rows. UTF-8 is not checked. Raises
    ObjectUnreadable if the text cannot be decoded, or if a misplaced quote makes it ambiguous where comments
    are.
    """
    text = as_utf_8(body, dialect.encoding, uri)
    mark = excel_mark(text, dialect)
    text, dialect = text[mark.size_bytes :], mark.dialect
    if dialect.comment is not None and dialect.comment.encode() in text:
        text = _without_comments(text, dialect, uri)
    text = _from_first_to_last_line(text)
    return CsvText(made_up_header(dialect) + text if text and dialect.names is not None else text, dialect)


def made_up_header(dialect: CsvDialect) -> bytes:
    """A line of names that need no quotes, one for each name of the dialect."""
    return dialect.delimiter_byte.join(b"c%d" % place for place in range(len(dialect.names or ()))) + b"\n"


def as_utf_8(body: bytes, encoding: str, uri: str) -> bytes:
    """The text in UTF-8 without a byte order mark; bytes that are invalid in its encoding are invalid here
    too.

    They make their rows bad rows. Raises ObjectUnreadable if the text cannot be decoded at all.
    """
    if body.startswith(UTF_8_MARK):
        return body.removeprefix(UTF_8_MARK)
    actual = encoding_of(body, encoding)
    if actual in UTF_8:
        return body
    try:
        return Transcoder(actual).utf_8(body, final=True)
    except UnicodeError as error:
        raise ObjectUnreadable(uri, no_text(actual)) from error


def encoding_by_mark(head: bytes) -> str | None:
    """The encoding that a byte order mark tells; None without one."""
    if head.startswith(UTF_8_MARK):
        return "utf-8"
    return next((codec for mark, codec in BYTE_ORDER_MARKS.items() if head.startswith(mark)), None)


def encoding_of(head: bytes, declared: str) -> str:
    """The encoding of a file with this start: by its mark, else the declared one, with UTF-16 as
    little-endian.
    """
    unmarked = f"{declared}-le" if declared in BYTE_ORDER_MARKS.values() else declared
    return encoding_by_mark(head) or unmarked


def no_text(encoding: str) -> str:
    """The reason of bytes that are invalid in this encoding."""
    return f"it is not valid {'UTF-8' if encoding in UTF_8 else encoding}"


def _from_first_to_last_line(text: bytes) -> bytes:
    text = text.lstrip(LINE_ENDS)
    return text if not text or text.endswith(b"\n") else text.removesuffix(b"\r") + b"\n"


def _without_comments(text: bytes, dialect: CsvDialect, uri: str) -> bytes:
    comment = re.escape((dialect.comment or "").encode())
    if not dialect.has_quotes(text):
        return re.sub(rb"(?m)^%s[^\n]*\n?" % comment, b"", text)
    # Within quotes a line may start like a comment, and a comment may contain a quote: only whole records
    # tell.
    record_or_comment = re.compile(rb"%s[^\n]*+\n?|(%s)" % (comment, _record_pattern(dialect)))
    records: list[bytes] = []
    position = 0
    while position < len(text):
        match = record_or_comment.match(text, position)
        if match is None:
            raise ObjectUnreadable(
                uri, f"a quote is misplaced in row {len(records) + 1}, not counting comments"
            )
        if match[1]:
            records.append(match[1])
        position = match.end()
    return b"".join(records)


def _record_pattern(dialect: CsvDialect) -> bytes:
    """One record with its line end: each field is quoted as a whole, or does not begin with a quote."""
    quote = re.escape((dialect.quote or "").encode())
    delimiter = re.escape(dialect.delimiter_byte)
    quoted = rb"%s(?:[^%s]++|%s%s)*+%s" % (quote, quote, quote, quote, quote)
    field = rb"(?:%s|(?!%s)[^%s\n]*+)" % (quoted, quote, delimiter)
    return rb"(?:%s%s)*+%s\r?(?:\n|\Z)" % (field, delimiter, field)

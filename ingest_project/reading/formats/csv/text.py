"""Converts a CSV file to the text that is parsed: RFC 4180 in UTF-8, without marks and comments."""

import re
from dataclasses import dataclass, field

from ingest_project.errors import ObjectUnreadable
from ingest_project.reading.format_options import CsvDialect
from ingest_project.reading.formats.csv.excel_mark import excel_mark
from ingest_project.reading.formats.csv.line_ends import CR_AS_LF, ends_lines_in_cr
from ingest_project.reading.formats.csv.respelling import Respelling, without_escapes
from ingest_project.reading.formats.csv.transcoding import Transcoder, spelled_out

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
class PlainText:
    """A body as RFC 4180 has it: UTF-8, with lines that end in LF or CRLF, and without escape sequences.

    `text` is what is below the byte order mark and Excel's line, and `dialect` is the one of this file.
    `respelling` tells what was changed. `no_text` is the reason of a row that is invalid in the encoding.
    """

    text: bytes = field(repr=False)
    dialect: CsvDialect
    excel_line: bytes
    respelling: Respelling
    no_text: str
    is_transcoded: bool

    @property
    def is_changed(self) -> bool:
        """Whether the file may have other bytes."""
        return self.is_transcoded or bool(self.respelling.pairs) or self.respelling.ends_in_cr

    def as_file_has_it(self, text: bytes) -> bytes:
        """A part of the text as the file has it; invalid bytes are spelled out, unless the file is UTF-8."""
        written = self.respelling.written(text)
        return spelled_out(written) if self.is_transcoded else written

    def header_and_rows(self) -> bytes | None:
        """A header line and the rows below it, up to a last line end; comments are removed.

        If the file has no header, one with made-up names is put above the rows. Empty if the file has only
        blank lines and comments; None if a misplaced quote makes it ambiguous where comments are. UTF-8 is
        not checked.
        """
        text = _without_comments(self.text, self.dialect)
        if text is None:
            return None
        text = _from_first_to_last_line(text)
        return made_up_header(self.dialect) + text if text and self.dialect.names is not None else text


def plain_text(body: bytes, dialect: CsvDialect, uri: str) -> PlainText:
    """The text of a file whose table has this dialect; Excel's `sep=;` at its top sets the delimiter.

    Raises ObjectUnreadable if the text cannot be decoded.
    """
    is_transcoded = encoding_by_mark(body) is not None or dialect.encoding not in UTF_8
    is_declared = dialect.encoding not in UTF_8 or not is_transcoded
    text = as_utf_8(body, dialect.encoding, uri)
    ends_in_cr = ends_lines_in_cr(text, dialect)
    if ends_in_cr:
        text = text.translate(CR_AS_LF)
    mark = excel_mark(text, dialect)
    text, respelling = without_escapes(text[mark.size_bytes :], mark.dialect, ends_in_cr=ends_in_cr)
    return PlainText(
        text,
        mark.dialect,
        mark.line,
        respelling,
        no_text(dialect.encoding) if is_declared else "it is not valid Unicode",
        is_transcoded,
    )


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


def _without_comments(text: bytes, dialect: CsvDialect) -> bytes | None:
    if dialect.comment is None or dialect.comment.encode() not in text:
        return text
    comment = re.escape(dialect.comment.encode())
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
            return None
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

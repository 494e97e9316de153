"""Detects the encoding of text."""

from dataclasses import dataclass, field

from ingest_project.reading.formats.csv.text import BYTE_ORDER_MARKS, UTF_8_MARK

C1 = frozenset(range(0x80, 0xA0))
"""Control characters in Latin-1, which no file has; in Windows-1252 quotes, dashes and the euro sign."""
LONGEST_CHARACTER_BYTES = 4
MOSTLY = 0.5


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text and its encoding as `csv.encoding` names it, `ascii` if any fits.

    `has_mark` if a byte order mark tells the encoding.
    """

    text: str = field(repr=False)
    encoding: str
    has_mark: bool = False


def decoded(body: bytes) -> Decoded | None:
    """The text of these bytes, whose last character may be truncated; None if no likely encoding fits."""
    if body.startswith(UTF_8_MARK):
        return Decoded(body.removeprefix(UTF_8_MARK).decode("utf-8", "replace"), "utf-8", has_mark=True)
    marked = next((codec for mark, codec in BYTE_ORDER_MARKS.items() if body.startswith(mark)), None)
    if marked is not None:
        return Decoded(body.decode(marked, "ignore"), marked, has_mark=True)
    if body.isascii() and b"\x00" not in body:
        return Decoded(body.decode("ascii"), "ascii")
    if b"\x00" in body:
        return _utf_16(body)
    if (text := _utf_8(body)) is not None:
        return Decoded(text, "utf-8")
    if any(byte in C1 for byte in body):
        try:
            return Decoded(body.decode("cp1252"), "cp1252")
        except UnicodeDecodeError:  # five bytes are undefined there
            return None
    return Decoded(body.decode("latin-1"), "iso8859-1")


def _utf_8(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        # A head may end within a character.
        if error.start >= len(body) - LONGEST_CHARACTER_BYTES and error.reason == "unexpected end of data":
            return body[: error.start].decode()
        return None


def _utf_16(body: bytes) -> Decoded | None:
    """Text without a mark: of Western text every second byte is zero, and no other."""
    even, odd = body[0:4096:2], body[1:4096:2]
    if 0 not in even and odd.count(0) > len(odd) * MOSTLY:
        codec = "utf-16-le"
    elif 0 not in odd and even.count(0) > len(even) * MOSTLY:
        codec = "utf-16-be"
    else:
        return None
    return Decoded(body.decode(codec, "ignore"), codec)

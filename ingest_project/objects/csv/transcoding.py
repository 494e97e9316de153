"""Turns CSV of any encoding into UTF-8, and keeps apart what means nothing in that encoding.

A byte without a meaning becomes three bytes that are no UTF-8 wherever they stand (half a surrogate pair), so that it makes its
row a bad one, as any text does that is no UTF-8. As it is it would not do: two such bytes may be a letter in UTF-8.
"""

import codecs
import re

_HALF_PAIR = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
_BYTES = range(0xDC80, 0xDD00)
"""Where Python's `surrogateescape` puts bytes without a meaning (PEP 383)."""


class Transcoder:
    """Text of one encoding to UTF-8, chunk by chunk. Raises UnicodeError for what has no end that could be found."""

    def __init__(self, encoding: str) -> None:
        self._decoder = codecs.getincrementaldecoder(encoding)(_handler(encoding))

    def utf_8(self, chunk: bytes, *, final: bool = False) -> bytes:
        """The chunk, or as much of it as is known to be whole characters, below what was left of the one before."""
        return self._decoder.decode(chunk, final).encode(errors="surrogatepass")


def spelled_out(row: bytes) -> bytes:
    """A bad row with each byte without a meaning as `\\x81`, and half a surrogate pair of UTF-16 as `\\ud83d`."""
    return _HALF_PAIR.sub(_spelled_out, row)


def _spelled_out(half_pair: re.Match[bytes]) -> bytes:
    code = ord(half_pair[0].decode(errors="surrogatepass"))
    return b"\\x%02x" % (code & 0xFF) if code in _BYTES else b"\\u%04x" % code


def _handler(encoding: str) -> str:
    return "surrogatepass" if encoding.startswith(("utf-16", "utf-32")) else "surrogateescape"

"""Converts CSV of any encoding to UTF-8; bytes that are invalid in the encoding stay invalid.

An invalid byte becomes half a surrogate pair: three bytes that are never valid in UTF-8, so they make their
row a bad row. The byte itself would not: two such bytes may be a letter in UTF-8.
"""

import codecs
import re

_HALF_PAIR = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
_BYTES = range(0xDC80, 0xDD00)
"""The code points that Python's `surrogateescape` uses for invalid bytes (PEP 383)."""


class Transcoder:
    """Converts text of one encoding to UTF-8, chunk by chunk.

    Raises UnicodeError if it cannot be decoded at all.
    """

    def __init__(self, encoding: str) -> None:
        self._decoder = codecs.getincrementaldecoder(encoding)(_handler(encoding))

    def utf_8(self, chunk: bytes, *, final: bool = False) -> bytes:
        """The rest of the chunk before and this chunk, up to the last whole character."""
        return self._decoder.decode(chunk, final).encode(errors="surrogatepass")


def spelled_out(row: bytes) -> bytes:
    """A bad row with each invalid byte as `\\x81`, and half a surrogate pair of UTF-16 as `\\ud83d`."""
    return _HALF_PAIR.sub(_spelled_out, row)


def _spelled_out(half_pair: re.Match[bytes]) -> bytes:
    code = ord(half_pair[0].decode(errors="surrogatepass"))
    return b"\\x%02x" % (code & 0xFF) if code in _BYTES else b"\\u%04x" % code


def _handler(encoding: str) -> str:
    return "surrogatepass" if encoding.startswith(("utf-16", "utf-32")) else "surrogateescape"

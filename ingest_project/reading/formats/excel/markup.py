"""Reads the XML of a workbook's parts as it comes, within bounds. A DTD is refused, so entities cannot
expand.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NoReturn
from xml.parsers import expat

from ingest_project.reading.limits import LIMITS

SPREADSHEET = (
    "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    "http://purl.oclc.org/ooxml/spreadsheetml/main",
)
"""The namespaces of a workbook's elements: the transitional one, and that of the strict form (ISO/IEC 29500).
"""
RELATIONSHIPS: Final = (
    "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
    "http://purl.oclc.org/ooxml/officeDocument/relationships",
)

Attributes = Mapping[str, str]


def parsed(
    chunks: Iterable[bytes],
    *,
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None] | None = None,
    text: Callable[[str], None] | None = None,
) -> Iterator[None]:
    """Calls these functions for what the XML holds; gives the caller a turn after each chunk.

    Names are `namespace name`, without a namespace the name alone. Raises ExpatError if it is not XML,
    ValueError if it has a DTD or a tag too long, and what the functions raise.
    """
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = _refuse_dtd
    size_bytes = 0
    for chunk in chunks:
        parser.Parse(chunk, False)
        size_bytes += len(chunk)
        if size_bytes - max(parser.CurrentByteIndex, 0) > LIMITS.excel.token_bytes:
            limit = LIMITS.excel.token_bytes
            raise ValueError(f"its XML has a tag or a comment of more than {limit:,} bytes")
        yield
    parser.Parse(b"", True)
    yield


def names(*words: str) -> dict[str, str]:
    """These words by the names that elements of a workbook have with them."""
    return {f"{namespace} {word}": word for namespace in SPREADSHEET for word in words}


def _refuse_dtd(*_: object) -> NoReturn:
    raise ValueError("its XML has a document type declaration, which no workbook has")

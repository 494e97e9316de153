"""Says what is wrong with a line of NDJSON that is not a JSON object."""

import json
import re
from typing import NoReturn

from ingest_project.reading.formats.text import NO_UTF_8
from ingest_project.reading.row_faults import RowFault
from ingest_project.reading.values.example import example_of


def line_fault(line: bytes, *, names_json: bool = True) -> RowFault:
    """What is wrong with a line that is not a JSON object.

    With `names_json` the reason of a line that looks like a part of a JSON document says how to read such
    documents.
    """
    try:
        value = DECODER.decode(line.decode())
    except json.JSONDecodeError as error:
        remedy = REMEDY if names_json and _is_of_document(error) else ""
        return RowFault(
            None, f"is not valid JSON: {error.msg.removesuffix(' at')} at character {error.pos + 1}{remedy}"
        )
    except RecursionError:
        return TOO_DEEP
    except UnicodeDecodeError:
        return NO_UTF_8
    except ValueError as error:
        return RowFault(None, f"is not valid JSON: {error}")
    if not isinstance(value, dict):
        remedy = REMEDY if names_json and isinstance(value, list) else ""
        return RowFault(None, f"is not a JSON object: {example_of(value)}{remedy}")
    return RowFault(None, HALF_A_PAIR) if SURROGATE.search(line) else TOO_DEEP


def _is_of_document(error: json.JSONDecodeError) -> bool:
    """Whether the line is a part of an object or array of several lines, or has several objects."""
    line = error.doc.strip()
    if error.msg == "Extra data":
        return error.doc[error.pos :].lstrip()[:1] in {"{", "["} or line.endswith(",")
    return line in OPENINGS or (line[:1] in {"{", "["} and line.endswith(","))


def remedy_for_long(start: bytes) -> str:
    """What to do about a line that is too long and begins so; empty unless it is a JSON document."""
    text = start.removeprefix(BYTE_ORDER_MARK).lstrip()
    return REMEDY if text.startswith(b"[") or (text.startswith(b"{") and JOINED.search(text)) else ""


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


REMEDY = "; `format: json` reads arrays, objects of several lines and objects without line ends between them"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
TOO_DEEP = RowFault(None, "is nested too deeply")
HALF_A_PAIR = "a string holds half of a surrogate pair, which is not a character"
SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
JOINED = re.compile(rb"\}\s*\{")
OPENINGS = frozenset({"{", "[", "[{", "[["})
DECODER = json.JSONDecoder(parse_constant=_refuse_constant)

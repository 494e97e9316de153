"""What a workbook says of its sheets, and what their cells refer to: texts, styles and the epoch of its
dates.
"""

import posixpath
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

from ingest_project.errors import ObjectUnreadable
from ingest_project.reading.format_options import ExcelLayout
from ingest_project.reading.formats.excel.cells import unescaped
from ingest_project.reading.formats.excel.markup import RELATIONSHIPS, names, parsed
from ingest_project.reading.formats.excel.number_formats import Shown, shown_by_style
from ingest_project.reading.formats.excel.package import SAVE_AS, Package
from ingest_project.reading.limits import LIMITS
from ingest_project.settings.wording import clipped

ROOT = "_rels/.rels"
ELEMENTS = names("workbookPr", "sheet")
SHARED = names("si", "t", "rPh")
TRUE = {"1", "true"}
LISTED_SHEETS = 20


@dataclass(frozen=True, slots=True)
class SheetEntry:
    """A worksheet, and the name of its part."""

    name: str
    part: str
    is_hidden: bool

    def __str__(self) -> str:
        return f"{clipped(self.name, 60)!r}{' (hidden)' if self.is_hidden else ''}"


@dataclass(frozen=True, slots=True)
class SharedTexts:
    """The texts that cells name by their number, in one piece of memory."""

    text: bytes = field(default=b"", repr=False)
    ends: "array[int]" = field(default_factory=lambda: array("Q"), repr=False)

    def __getitem__(self, place: int) -> str:
        if not 0 <= place < len(self.ends):
            raise ValueError(f"a cell refers to text {place} of {len(self.ends)}")
        return self.text[self.ends[place - 1] if place else 0 : self.ends[place]].decode()


@dataclass(frozen=True, slots=True)
class Workbook:
    """`sheets` are the worksheets in the order of their tabs; charts and the like are not among them."""

    package: Package
    sheets: tuple[SheetEntry, ...]
    is_1904: bool
    styles: tuple[Shown, ...] = field(repr=False)
    texts_part: str | None

    def sheet(self, layout: ExcelLayout, uri: str) -> SheetEntry:
        """The sheet to be read. Raises ObjectUnreadable, with all names, if there is no such sheet."""
        visible = [one for one in self.sheets if not one.is_hidden]
        if isinstance(layout.sheet, str):
            found = next((one for one in self.sheets if one.name == layout.sheet), None)
        else:
            place = (layout.sheet or 1) - 1
            found = visible[place] if place < len(visible) else None
        if found is not None:
            return found
        listed = ", ".join(map(str, self.sheets[:LISTED_SHEETS])) or "none"
        wanted = "visible sheet" if layout.sheet is None else f"sheet {layout.sheet!r}"
        raise ObjectUnreadable(uri, f"it has no {wanted}; its sheets are: {listed}")

    def texts(self) -> SharedTexts:
        """The texts that cells share. Raises ValueError if they are too large."""
        return SharedTexts() if self.texts_part is None else _shared_texts(self.package, self.texts_part)


def workbook_in(package: Package, uri: str) -> Workbook:
    """The workbook of a package. Raises ObjectUnreadable or ValueError if it has none."""
    main = _main_part(package)
    if main.lower().endswith(".bin"):
        raise ObjectUnreadable(uri, f"it is a binary workbook (.xlsb); {SAVE_AS}")
    related = _related(package, main)
    sheets, is_1904 = _sheets(
        package, main, {key: part for key, kind, part in related if kind == "worksheet"}
    )
    parts = {kind: part for _, kind, part in related}
    styles = parts.get("styles")
    shown = shown_by_style(package.small(styles)) if styles is not None and styles in package else []
    texts = parts.get("sharedStrings")
    return Workbook(
        package, sheets, is_1904, tuple(shown), texts if texts is not None and texts in package else None
    )


def _main_part(package: Package) -> str:
    found = [part for _, kind, part in _relations(package, ROOT, "") if kind == "officeDocument"]
    if not found:
        raise ValueError("it names no workbook")
    return found[0]


def _related(package: Package, part: str) -> list[tuple[str, str, str]]:
    folder, name = posixpath.split(part)
    return list(_relations(package, posixpath.join(folder, "_rels", f"{name}.rels"), folder))


def _relations(package: Package, part: str, folder: str) -> Iterator[tuple[str, str, str]]:
    """Key, kind and part of each relation of a part; what is outside of the package is not followed."""
    found: list[dict[str, str]] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if name.rpartition(" ")[2] == "Relationship":
            found.append(attributes)

    for _ in parsed(package.small(part), start=start):
        pass
    for one in found:
        if one.get("TargetMode") != "External":
            target = unquote(one.get("Target", ""))
            path = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
            yield one.get("Id", ""), one.get("Type", "").rpartition("/")[2], path


def _sheets(package: Package, main: str, parts: dict[str, str]) -> tuple[tuple[SheetEntry, ...], bool]:
    sheets: list[SheetEntry] = []
    epochs: list[bool] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        element = ELEMENTS.get(name)
        if element == "workbookPr":
            epochs.append(attributes.get("date1904", "0") in TRUE)
        elif element == "sheet":
            keys = (attributes.get(f"{namespace} id") for namespace in RELATIONSHIPS)
            part = next((parts[key] for key in keys if key in parts), None)
            if part is not None:
                is_hidden = attributes.get("state", "visible") != "visible"
                sheets.append(SheetEntry(attributes.get("name", ""), part, is_hidden))

    for _ in parsed(package.small(main), start=start):
        pass
    return tuple(sheets), any(epochs)


def _shared_texts(package: Package, part: str) -> SharedTexts:
    limit = LIMITS.excel.shared_texts_bytes
    if package.size_bytes(part) > limit:
        raise ValueError(f"its shared texts have more than {limit:,} bytes")
    blob, ends = bytearray(), array("Q")
    for text in shared_texts(package.chunks(part)):
        blob += text.encode()
        ends.append(len(blob))
    return SharedTexts(bytes(blob), ends)


def shared_texts(chunks: Iterable[bytes]) -> Iterator[str]:
    """The texts of a part of shared texts; one that no cell can hold is cut off behind what tells so."""
    done: list[str] = []
    collected = TextOfRuns()

    def start(name: str, _attributes: dict[str, str]) -> None:
        collected.start(SHARED.get(name, ""))

    def end(name: str) -> None:
        element = SHARED.get(name, "")
        collected.end(element)
        if element == "si":
            done.append(collected.take())

    for _ in parsed(chunks, start=start, end=end, text=collected.add):
        yield from done
        done.clear()


class TextOfRuns:
    """Collects the text of a string item: of all its runs, but not how it is pronounced (`rPh`)."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._characters = 0
        self._is_within = False
        self._is_phonetic = False

    def start(self, element: str) -> None:
        """An element of the item begins."""
        if element == "rPh":
            self._is_phonetic = True
        self._is_within = element == "t" and not self._is_phonetic

    def end(self, element: str) -> None:
        """An element of the item ends."""
        if element == "rPh":
            self._is_phonetic = False
        self._is_within = False

    def add(self, text: str) -> None:
        """Characters of the XML."""
        if self._is_within and self._characters <= LIMITS.excel.text_characters:
            self._parts.append(text)
            self._characters += len(text)

    def take(self) -> str:
        """The text of the item that has ended."""
        text = unescaped("".join(self._parts))
        self._parts.clear()
        self._characters = 0
        return text

"""Numbers with nouns, and shortened texts, for messages to people."""


def plural(count: int, noun: str) -> str:
    """The count with its noun: `1 row`, `2,000 rows`, `0 batches`."""
    if count == 1:
        return f"1 {noun}"
    ending = "es" if noun.endswith(("ch", "sh", "s", "x")) else "s"
    return f"{count:,} {noun}{ending}"


def clipped(text: str, limit: int) -> str:
    """The text; if it is longer than `limit`, its start with open quotations closed, and dots: `'ab'...`."""
    if len(text) <= limit:
        return text
    start, quote, is_escaped = text[:limit], "", False
    for place, character in enumerate(start):
        if is_escaped or (quote and character == "\\"):
            is_escaped = not is_escaped
        elif quote and character == quote:
            quote = ""
        elif not quote and _opens_quotation(start, place):
            quote = character
    return f"{start[:-1] if is_escaped else start}{quote}..."


def _opens_quotation(text: str, place: int) -> bool:
    """Whether a quotation begins here; an apostrophe within a word does not begin one."""
    return text[place] in "\"'`" and not (place and text[place - 1].isalnum())

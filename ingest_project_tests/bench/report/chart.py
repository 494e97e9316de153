"""Bar charts as SVG, readable on light and dark pages: their background is as dark as the reader asks for."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, LABELS, VALUES, BAR, GAP = 900, 335, 70, 13, 9
COLORS = ("#2a6fbb", "#d9822b", "#4f9d69", "#9c6ade", "#7d8590")
STYLE = """text{font:12px system-ui,sans-serif;fill:#1f2328}.back{fill:#fff}.axis{stroke:#8c959f}
.limit{stroke:#cf222e;stroke-dasharray:4 3}.title{font-weight:600;font-size:14px}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.back{fill:#0d1117}.limit{stroke:#ff7b72}}"""


@dataclass(frozen=True, slots=True)
class Bars:
    """The bars of one label: a value for each series that has one."""

    label: str
    values: dict[str, float]


def bar_chart(title: str, groups: Sequence[Bars], *, form: str = ",.2f", limit: float | None = None) -> str:
    """The chart; `limit` is a dashed line."""
    series = [*dict.fromkeys(name for group in groups for name in group.values)]
    legend = len(series) > 1
    top = 60 if legend else 36
    most = max([value for group in groups for value in group.values.values()] + [limit or 0.0])
    scale = (WIDTH - LABELS - VALUES) / (most or 1.0)
    parts: list[str] = _legend(series) if legend else []
    height = top
    for group in groups:
        middle = height + BAR * len(group.values) / 2 + 4
        parts.append(_text(LABELS - 8, middle, group.label, anchor="end"))
        for name, value in group.values.items():
            color = COLORS[series.index(name) % len(COLORS)]
            wide = max(1.0, value * scale)
            parts.append(
                f'<rect x="{LABELS}" y="{height}" width="{wide:.1f}" height="{BAR - 2}" fill="{color}"/>'
            )
            parts.append(_text(LABELS + wide + 5, height + BAR - 3, format(value, form)))
            height += BAR
        height += GAP
    parts.append(f'<line class="axis" x1="{LABELS}" x2="{LABELS}" y1="{top - 4}" y2="{height}"/>')
    if limit is not None:
        at = LABELS + limit * scale
        parts.append(f'<line class="limit" x1="{at:.1f}" x2="{at:.1f}" y1="{top - 4}" y2="{height}"/>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height + 8}" role="img">'
        f"<title>{escape(title)}</title><style>{STYLE}</style>"
        f'<rect class="back" width="{WIDTH}" height="{height + 8}" rx="6"/>'
        f'<text class="title" x="14" y="22">{escape(title)}</text>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _legend(series: Sequence[str]) -> list[str]:
    parts, left = [], 14.0
    for place, name in enumerate(series):
        parts.append(
            f'<rect x="{left:.0f}" y="36" width="11" height="11" fill="{COLORS[place % len(COLORS)]}"/>'
        )
        parts.append(_text(left + 16, 46, name))
        left += 40 + 6.6 * len(name)
    return parts


def _text(left: float, bottom: float, text: str, *, anchor: str = "start") -> str:
    return f'<text x="{left:.1f}" y="{bottom:.1f}" text-anchor="{anchor}">{escape(text)}</text>'

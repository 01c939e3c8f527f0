"""A few SVG elements, with all text escaped, and a guess at how wide text will be."""

import re
import unicodedata
from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

FONT = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"
#: characters XML 1.0 has no way to write (section 2.2)
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NARROW = frozenset("iljtfrI.,:;'|!()[] ")
_WIDE = frozenset("mwMW@%—…→←")


def clean(text: str) -> str:
    """One line that XML can hold."""
    return " ".join(_ILLEGAL.sub("\ufffd", text).split())


def text_width(text: str, size: float) -> float:
    """An upper guess, px, that holds for the widest of the fonts in `FONT`."""
    return size * sum(map(_advance, text))


def _advance(character: str) -> float:
    if unicodedata.east_asian_width(character) in "WF":
        return 1.05
    if character in _NARROW:
        return 0.42
    return 0.98 if character in _WIDE else 0.68 if character.isupper() else 0.64


def shortened(text: str, size: float, width: float) -> str:
    """The text, or as much of it as fits into `width` px, with an ellipsis."""
    text = clean(text)
    if text_width(text, size) <= width:
        return text
    room = width - text_width("…", size)
    for end, character in enumerate(text):
        room -= size * _advance(character)
        if room < 0:
            return text[:end].rstrip() + "…" if end else ""
    return text


def element(name: str, content: str = "", /, **attributes: str | float | None) -> str:
    """An element; `_` in attribute names is `-`, None leaves one out, floats are rounded."""
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}={quoteattr(_number(value))}"
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{written}>{content}</{name}>" if content else f"<{name}{written}/>"


def text(
    x: float, y: float, words: str, size: float = 11, *, tail: str = "", **more: str | float | None
) -> str:
    """A line of text; `y` is its baseline. `tail` follows struck through, in grey."""
    content = escape(clean(words))
    if tail:
        content += element(
            "tspan",
            escape(clean(tail)),
            dx=4 if words else None,
            fill="#8793a0",
            text_decoration="line-through",
        )
    return element("text", content, x=x, y=y, font_size=size, **more)


def title(words: str) -> str:
    """What a viewer shows when the pointer rests on the element that holds it."""
    return element("title", escape(clean(words)))


def path(points: Iterable[tuple[float, float]], **attributes: str | float | None) -> str:
    """A closed shape."""
    d = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points) + "Z"
    return element("path", d=d, **attributes)


def hatching(name: str, colour: str) -> str:
    """Thin slanted lines on white, to fill with as `url(#name)`."""
    line = element("line", x1=0, y1=0, x2=0, y2=6, stroke=colour, stroke_width=2)
    ground = element("rect", width=6, height=6, fill="#ffffff")
    made = element(
        "pattern",
        ground + line,
        id=name,
        width=6,
        height=6,
        patternUnits="userSpaceOnUse",
        patternTransform="rotate(45)",
    )
    return element("defs", made)


def document(width: float, height: float, parts: Iterable[str]) -> str:
    """A whole picture on white."""
    body = "\n".join(parts)
    w, h = _number(width), _number(height)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" '
        f'viewBox="0 0 {w} {h}" font-family={quoteattr(FONT)}>\n'
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _number(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)

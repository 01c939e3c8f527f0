"""The prompt object model: sections of a prompt as data, written out as Markdown or XML. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .values import flag, objects, texts

#: what a section is called that has none and does not stand first
_UNTITLED = "Untitled Section"
#: sections within sections; deeper ones are left out
_DEEPEST = 20

Format = Literal["markdown", "xml"]
#: `1.2` of a numbered section, empty for one that is not
Number = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """`numbered` is None where nothing is said: then it goes by its siblings."""

    title: str | None
    body: str
    bullets: tuple[str, ...]
    numbered: bool | None
    numbered_bullets: bool
    subsections: tuple["Section", ...]


def rendered(pom: Any, form: Format = "markdown") -> str:
    """The prompt that a list of sections stands for, as the vendor's own library writes it. What
    is no section is left out.
    """
    sections = _sections(pom, 0)
    if form == "markdown":
        return "\n".join(_markdown(s, number, 2) for s, number in _top(sections)).strip()
    parts = (line for s, number in _top(sections) for line in _xml(s, number, 1))
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<prompt>", *parts, "</prompt>"]
    return "\n".join(lines) if sections else ""


def _sections(pom: Any, depth: int) -> tuple[Section, ...]:
    if depth > _DEEPEST:
        return ()
    read = (_section(raw, index, depth) for index, raw in enumerate(objects(pom)))
    return tuple(one for one in read if one.body or one.bullets or one.subsections)


def _section(raw: Mapping[str, Any], index: int, depth: int) -> Section:
    title = raw.get("title")
    default = _UNTITLED if depth or index else None
    return Section(
        default if title is None else str(title),
        str(raw.get("body") or ""),
        texts(raw.get("bullets")),
        flag(raw.get("numbered")),
        bool(flag(raw.get("numberedBullets"))),
        _sections(raw.get("subsections"), depth + 1),
    )


def _top(sections: Sequence[Section]) -> Iterator[tuple[Section, Number]]:
    """Those without a title are not counted."""
    any_numbered = any(one.numbered for one in sections)
    count = 0
    for one in sections:
        count += one.title is not None
        counts = any_numbered and one.numbered is not False and one.title is not None
        yield one, (count,) if counts else ()


def _under(section: Section, number: Number) -> Iterator[tuple[Section, Number]]:
    any_numbered = any(one.numbered for one in section.subsections)
    rooted = section.title is not None or number
    for index, one in enumerate(section.subsections, 1):
        counts = rooted and any_numbered and one.numbered is not False
        yield one, (*number, index) if counts else number


def _headed(section: Section, number: Number) -> str:
    prefix = f"{'.'.join(map(str, number))}. " if number else ""
    return f"{prefix}{section.title}"


def _markdown(section: Section, number: Number, level: int) -> str:
    lines = []
    if section.title is not None:
        lines.append(f"{'#' * level} {_headed(section, number)}\n")
    if section.body:
        lines.append(f"{section.body}\n")
    for index, bullet in enumerate(section.bullets, 1):
        lines.append(f"{index}. {bullet}" if section.numbered_bullets else f"- {bullet}")
    if section.bullets:
        lines.append("")
    deeper = level + 1 if section.title is not None or number else level
    lines += [_markdown(one, own, deeper) for one, own in _under(section, number)]
    return "\n".join(lines)


def _xml(section: Section, number: Number, depth: int) -> Iterator[str]:
    pad = "  " * depth
    yield f"{pad}<section>"
    if section.title is not None:
        yield f"{pad}  <title>{_headed(section, number)}</title>"
    if section.body:
        yield f"{pad}  <body>{section.body}</body>"
    if section.bullets:
        yield f"{pad}  <bullets>"
        for index, bullet in enumerate(section.bullets, 1):
            tag = f'<bullet id="{index}">' if section.numbered_bullets else "<bullet>"
            yield f"{pad}    {tag}{bullet}</bullet>"
        yield f"{pad}  </bullets>"
    if section.subsections:
        yield f"{pad}  <subsections>"
        for one, own in _under(section, number):
            yield from _xml(one, own, depth + 2)
        yield f"{pad}  </subsections>"
    yield f"{pad}</section>"

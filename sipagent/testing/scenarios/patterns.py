"""Patterns: how a scenario says what a text or a value is to be. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from sipagent.agent.parts import Part

_NOT_WORDS = re.compile(r"[^\w\s]")


def _text(value: Any) -> Any:
    """YAML reads `hears: 100` as a number; a text is meant as it is written."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value


Text = Annotated[str, BeforeValidator(_text, json_schema_input_type=str | float)]
Texts = Annotated[
    tuple[Text, ...],
    BeforeValidator(
        lambda value: (value,) if isinstance(value, str | int | float) else value,
        json_schema_input_type=str | float | tuple[str | float, ...],
    ),
]


class Like(Part):
    """A text by one of these keys."""

    contains: Text | None = Field(default=None, description="these words, in any case")
    regex: Text | None = Field(default=None, description="found anywhere, in any case")
    any_of: Texts = Field(default=(), description="one of these is contained")
    all_of: Texts = Field(default=(), description="all of these are contained")

    @model_validator(mode="after")
    def _one(self) -> "Like":
        given = [name for name in ("contains", "regex", "any_of", "all_of") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError("needs exactly one of contains, regex, any_of and all_of")
        if self.regex is not None:
            try:
                re.compile(self.regex)
            except re.error as error:
                raise ValueError(f"regex: {error}") from error
        return self

    def __str__(self) -> str:
        if self.contains is not None:
            return repr(self.contains)
        if self.regex is not None:
            return f"/{self.regex}/"
        joined = (" or " if self.any_of else " and ").join(map(repr, self.any_of or self.all_of))
        return joined

    def found(self, text: str) -> tuple[int, int] | None:
        """Where in a text it is found: begin and end among its characters."""
        if self.regex is not None:
            match = re.search(self.regex, text, re.IGNORECASE)
            return match.span() if match else None
        wanted = self.any_of or self.all_of or (self.contains or "",)
        spans = [_contained(one, text) for one in wanted]
        known = [span for span in spans if span is not None]
        if not known or (self.all_of and len(known) < len(spans)):
            return None
        if self.any_of:
            return min(known)
        return min(start for start, _ in known), max(end for _, end in known)


def _like(value: Any) -> Any:
    value = _text(value)
    return {"contains": value} if isinstance(value, str) else value


#: a text as it stands, or by a key of `Like`
Wording = Annotated[Like, BeforeValidator(_like, json_schema_input_type=str | float | Like)]


def _contained(wanted: str, text: str) -> tuple[int, int] | None:
    """Words in order, whatever their case and whatever stands between them but words."""
    words = _NOT_WORDS.sub(" ", wanted).split()
    if not words:
        at = text.find(wanted.strip())
        return (at, at + len(wanted.strip())) if wanted.strip() and at >= 0 else None
    gap = r"[\W_]+"
    match = re.search(rf"\b{gap.join(map(_loose, words))}\b", text, re.IGNORECASE)
    return match.span() if match else None


def _loose(word: str) -> str:
    """A word, whose apostrophe was a gap in `_NOT_WORDS`."""
    return re.escape(word)


def difference(wanted: Any, found: Any, place: str = "") -> list[str]:
    """What of a wanted value is not so in the one found: mappings by their keys (others may be
    there), lists item by item, texts by `Like` where they are one, numbers as they are written.
    Empty where all of it is.
    """
    if isinstance(wanted, Mapping) and _is_like(wanted):
        like = Like.model_validate(wanted)
        return [] if like.found(str(found)) else [_said(place, str(like), found)]
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        differing: list[str] = []
        for key, value in wanted.items():
            inside = f"{place}.{key}" if place else str(key)
            if key not in found:
                differing.append(_missing(inside, value, found))
            else:
                differing += difference(value, found[key], inside)
        return differing
    if _is_list(wanted) and _is_list(found) and len(wanted) == len(found):
        pairs = enumerate(zip(wanted, found, strict=True))
        return [
            line for n, (one, other) in pairs for line in difference(one, other, f"{place}[{n}]")
        ]
    same = wanted == found or _written(wanted) == _written(found)
    return [] if same else [_said(place, repr(wanted), found)]


def _is_like(value: Mapping[Any, Any]) -> bool:
    return len(value) == 1 and next(iter(value)) in Like.model_fields


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _said(place: str, wanted: str, found: Any) -> str:
    return f"{place or 'value'}: wanted {wanted}, found {found!r}"


def _missing(place: str, wanted: Any, found: Mapping[Any, Any]) -> str:
    there = ", ".join(map(str, found)) or "nothing"
    return f"{place}: wanted {wanted!r}, but there is only {there}"

"""Numbers: the many ways to write a telephone number, and E.164 between them. Pure."""

import re
from typing import Annotated, Literal
from urllib.parse import quote, unquote

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_NUMBER = re.compile(r"\+?[0-9*#][0-9*#().\s/-]*")
_SEPARATORS = re.compile(r"[().\s/-]")
_DIGITS = re.compile(r"\+?[0-9]+")
_URI = re.compile(r"(sips?:|tel:)([^@;:?]+)(.*)", re.IGNORECASE | re.DOTALL)
#: ITU-T E.164: a country code and its number have 15 digits at most
LONGEST = 15


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Digits = Annotated[str, Field(pattern=r"^[0-9]*$")]
Prefix = Annotated[str, Field(pattern=r"^[+0-9*#]*$")]


class NumberPlan(BaseModel):
    """How a trunk writes numbers: the dialling rules of its country and the form it is sent.

    Without `country` only numbers that say their country themselves become E.164.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    country: Digits = Field(default="", description="country code of national numbers: 44, 1, 39")
    national: Digits = Field(
        default="0", description='trunk prefix of national numbers: "0", "1"; empty in Italy'
    )
    international: Annotated[tuple[Digits, ...], BeforeValidator(_listed)] = Field(
        default=("00",), min_length=1, description='written in place of +: "00", "011"'
    )
    bare: Literal["national", "international"] = Field(
        default="national", description="what a number without any of these prefixes is"
    )
    shortest: int = Field(
        default=7, ge=1, le=LONGEST, description="fewer digits: an extension or service, left alone"
    )
    strip: Prefix = Field(default="", description="taken off the numbers this trunk sends us")
    prefix: Prefix = Field(default="", description="put before the numbers we send it")
    send: Literal["e164", "digits", "national", "international"] = Field(
        default="e164",
        description="form of numbers sent: +44..., 44..., 0... (abroad 00...), 0044...",
    )

    def e164(self, text: str) -> str:
        """`+` and digits for whatever is a public number; the rest without separators.

        What is no number at all (`alice`) comes back as it is.
        """
        if not _NUMBER.fullmatch(text):
            return text
        number = _SEPARATORS.sub("", text)
        number = number.removeprefix(self.strip) if number != self.strip else number
        if number.startswith("+") or not _DIGITS.fullmatch(number):
            return number
        for prefix in self.international:
            if prefix and number.startswith(prefix) and len(number) - len(prefix) >= self.shortest:
                return f"+{number.removeprefix(prefix)}"
        if not self.country or len(number) < self.shortest:
            return number
        if self.national and number.startswith(self.national):
            return f"+{self.country}{number.removeprefix(self.national)}"
        return f"+{number}" if self.bare == "international" else f"+{self.country}{number}"

    def shown(self, text: str) -> str:
        """A number in the form the trunk is sent, for identities: no access prefix."""
        number = self.e164(text)
        if not (number.startswith("+") and _DIGITS.fullmatch(number)) or self.send == "e164":
            return number
        digits = number[1:]
        if self.send == "digits":
            return digits
        if self.send == "national" and self.country and digits.startswith(self.country):
            return self.national + digits.removeprefix(self.country)
        return self.international[0] + digits

    def dialled(self, text: str) -> str:
        """A number in the form the trunk is sent, access prefix included, to be called."""
        shown = self.shown(text)
        public = _DIGITS.fullmatch(shown) and len(shown.lstrip("+")) >= self.shortest
        return self.prefix + shown if public else shown

    def e164_uri(self, uri: str) -> str:
        """A SIP or tel URI with the number in its user part brought to E.164."""
        found = _URI.fullmatch(uri)
        if found is None:
            return uri
        scheme, user, rest = found.groups()
        if scheme.lower() != "tel:" and "@" not in rest:
            return uri
        plain = unquote(user)
        if not _NUMBER.fullmatch(plain):
            return uri
        return f"{scheme}{quote(self.e164(plain), safe='+*')}{rest}"


def number_of(identity: str) -> str:
    """The user part of `"Name" <sip:+44...@host>`, a URI or a bare number."""
    inner = identity.partition("<")[2].partition(">")[0] or identity
    found = _URI.match(inner.strip())
    return unquote(found[2]) if found else inner.strip().partition("@")[0]

"""Classes of telephone numbers: what is dear wherever one calls from. Pure data and look-ups."""

from collections.abc import Collection
from enum import StrEnum


class NumberClass(StrEnum):
    """What a public number is, as far as its price goes."""

    PREMIUM = "premium"
    SATELLITE = "satellite"
    INTERNATIONAL = "international"
    NATIONAL = "national"


#: global mobile satellite systems and networks without a country (ITU-T E.164, 870 and 88x)
_SATELLITE = ("870", "881", "882", "883")

#: premium rate, and what bills like it (personal and shared-cost numbers known from toll fraud):
#: 979 is the world's, the others are countries'
_PREMIUM = (
    "979",
    "1900", "1976",
    "2790", "2786",
    "30901", "30909", "3190", "32900", "32902", "32903", "32904", "32905", "32907", "32909",
    "33081", "33089", "3381", "3382", "3389",
    "34803", "34806", "34807", "34901", "34902", "34905", "34907",
    "351601", "351607", "351608", "351646", "35315", "35890", "358600", "358700",
    "3690", "370900", "371900", "372900", "37390", "37590",
    "380900", "38590", "38990", "38690", "39144", "39166", "39892", "39894", "39895", "39899",
    "4070", "4090", "4190", "42090", "42190", "43900", "43901", "43930", "43931", "43939",
    "4470", "44871", "44872", "44873", "449", "4590", "46900", "46939", "46944", "4782", "4829",
    "4840", "4870", "49137", "49180", "49190", "49900",
    "51805", "52900", "54600", "55300", "55900", "56600", "57901",
    "60600", "61190", "62809", "63900", "64900", "65190", "66190",
    "7803", "7809", "81990", "8260", "84190", "90900", "9471", "97219", "97290",
)  # fmt: skip

#: islands and other countries behind North America's country code 1, each billed as abroad
_BEYOND_NORTH_AMERICA = (
    "1242", "1246", "1264", "1268", "1284", "1340", "1345", "1441", "1473", "1649", "1658", "1664",
    "1670", "1671", "1684", "1721", "1758", "1767", "1784", "1787", "1809", "1829", "1849", "1868",
    "1869", "1876", "1939",
)  # fmt: skip


def class_of(number: str, homes: Collection[str]) -> NumberClass:
    """The class of `+` and digits. `homes` are country codes; without any nothing is abroad."""
    digits = number.removeprefix("+")
    if digits.startswith(_SATELLITE):
        return NumberClass.SATELLITE
    if digits.startswith(_PREMIUM):
        return NumberClass.PREMIUM
    if not homes or any(_at_home(digits, home) for home in homes):
        return NumberClass.NATIONAL
    return NumberClass.INTERNATIONAL


def _at_home(digits: str, home: str) -> bool:
    return digits.startswith(home) and not (
        home == "1" and digits.startswith(_BEYOND_NORTH_AMERICA)
    )

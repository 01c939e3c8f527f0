"""By: the name, on record, of a function that acts in a call (SWAIG): `function:NAME`."""

_PREFIX = "function:"


def function_named(name: str) -> str:
    """What stands on record where the function `name` acts."""
    return _PREFIX + name


def function_of(by: str) -> str | None:
    """The function that acts, where one does."""
    return by.removeprefix(_PREFIX) if by.startswith(_PREFIX) else None

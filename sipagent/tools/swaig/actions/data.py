"""Actions on data: global data, metadata, and which functions are on offer."""

from collections.abc import Mapping
from typing import Any

from sipagent.errors import CallError

from .doing import Action, Doing
from .values import items, keys, mapping, true


async def set_global_data(doing: Doing, value: Any) -> None:
    """Merge into the call's global data."""
    if doing.desk.rules.set_global_data:
        doing.data.set_global(mapping(value))
    else:
        doing.refused("set_global_data")


async def unset_global_data(doing: Doing, value: Any) -> None:
    """Drop keys of it."""
    if doing.desk.rules.set_global_data:
        doing.data.unset_global(keys(value))
    else:
        doing.refused("unset_global_data")


async def set_meta_data(doing: Doing, value: Any) -> None:
    """Merge into the metadata of the function's token."""
    doing.data.set_metadata(doing.token, mapping(value))


async def unset_meta_data(doing: Doing, value: Any) -> None:
    """Drop keys of it."""
    doing.data.unset_metadata(doing.token, keys(value))


async def toggle_functions(doing: Doing, value: Any) -> None:
    """Offer functions to the model, or not any more; only those of the same token."""
    for one in items(value):
        wanted = mapping(one)
        names, active = keys(wanted.get("function", ())), wanted.get("active", True)
        for name in names:
            found = doing.desk.functions.get(name)
            if found is None:
                doing.warn(f"toggle_functions: there is no function {name}")
            elif found.token != doing.token:
                doing.warn(f"toggle_functions: {name} has another meta_data_token")
            else:
                found.active = _active(active)


def _active(value: Any) -> bool | int:
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and value >= 0:
        return value
    if isinstance(value, str):
        return int(value) if value.strip().isdigit() else true(value)
    raise CallError("active is true, false or a number of uses")


DATA: Mapping[str, Action] = {
    "set_global_data": set_global_data,
    "unset_global_data": unset_global_data,
    "set_meta_data": set_meta_data,
    "unset_meta_data": unset_meta_data,
    "toggle_functions": toggle_functions,
}

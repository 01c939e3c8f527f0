"""Reloading: which settings of a running server can change, and which wait for a restart."""

from collections.abc import Iterator

from pydantic import BaseModel

from sipagent.config import Guard, Settings

#: what sockets, records and their folder hang on; a restart keeps calls, so it is no hardship
_FIXED = {
    "sip": ("listen", "public_address", "nameservers", "realm", "max_message", "tls"),
    "store": ("database", "bundles", "encryption", "upload"),
    "guard": tuple(key for key in Guard.model_fields if key != "toll"),
}

#: sections that wait as a whole: they hang on connections of their own
_WHOLE = ("cluster", "tracing", "hep")
_DOOR = ("host", "port", "tls", "hosts", "origins", "streams")
_RELAY_DOOR = ("host", "port", "tls")


def merged(old: Settings, new: Settings) -> tuple[Settings, tuple[str, ...]]:
    """The new settings but for what cannot change now, and the keys of that."""
    update: dict[str, BaseModel] = {}
    waiting: list[str] = []
    for section, keys in _FIXED.items():
        before, after = getattr(old, section), getattr(new, section)
        changed = [key for key in keys if getattr(before, key) != getattr(after, key)]
        waiting += [f"{section}.{key}" for key in changed]
        update[section] = after.model_copy(update={key: getattr(before, key) for key in changed})
    kept: dict[str, object] = dict(update)
    if old.api is not None and new.api is not None:
        fixed = {key: getattr(old.api, key) for key in _DOOR}
        waiting += [f"api.{key}" for key, value in fixed.items() if getattr(new.api, key) != value]
        kept["api"] = new.api.model_copy(update=fixed)
    elif old.api != new.api:
        waiting.append("api")
        kept["api"] = None  # nobody comes in any more, though the door still stands
    if old.relay is not None and new.relay is not None:
        stays = {key: getattr(old.relay, key) for key in _RELAY_DOOR}
        found = new.relay
        waiting += [f"relay.{k}" for k, value in stays.items() if getattr(found, k) != value]
        kept["relay"] = found.model_copy(update=stays)
    elif old.relay != new.relay:
        waiting.append("relay")
        kept["relay"] = None
    for key in _WHOLE:
        if getattr(old, key) != getattr(new, key):
            waiting.append(key)
            kept[key] = getattr(old, key)
    if (old.webrtc is None) != (new.webrtc is None):
        waiting.append("webrtc")
        kept["webrtc"] = old.webrtc
    if old.state_folder != new.state_folder:
        if "store.bundles" not in waiting:
            waiting.append("state")
        kept["state"] = old.state_folder
    return new.model_copy(update=kept), tuple(waiting)


def changes(old: Settings, new: Settings) -> Iterator[str]:
    """Top-level keys that differ."""
    for key in type(old).model_fields:
        if getattr(old, key) != getattr(new, key):
            yield key

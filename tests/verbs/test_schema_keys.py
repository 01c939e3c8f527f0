"""Every key of the vendor's published schema is a field of ours, or told here why it is not."""

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

import pytest

from sipagent.dialplan.steps import UNSUPPORTED
from sipagent.verbs import VERBS
from sipagent.verbs.blocks import Ignored

SDKS = ("signalwire_agents", "signalwire")
#: keys taken without effect, and why nobody hears the difference or what is done instead
UNHEARD = {
    ("answer", "codecs"): "agreed upon when the INVITE comes, before a plan runs: media.codecs",
    ("answer", "username"): "of a call that is answered nobody asks for credentials",
    ("answer", "password"): "of a call that is answered nobody asks for credentials",
    ("connect", "webrtc_media"): "the parties that are called speak SIP",
    ("connect", "session_timeout"): "session timers (RFC 4028) are the endpoint's own",
    ("transfer", "meta"): "the vendor ignores it, too",
    ("execute", "meta"): "the vendor ignores it, too",
    ("send_sms", "region"): "a text leaves by sipagent.yaml's own gateway",
    ("send_sms", "tags"): "a text leaves by sipagent.yaml's own gateway",
    ("join_conference", "region"): "there is one place: here",
    ("join_room", "region"): "there is one place: here",
    ("sip_refer", "username"): "a REFER within a call is not challenged by us; see sip.md",
    ("sip_refer", "password"): "a REFER within a call is not challenged by us; see sip.md",
}


def schema(sdk: str) -> Mapping[str, Any]:
    text = files(sdk).joinpath("schema.json").read_text()
    read: Mapping[str, Any] = json.loads(text)
    return read


def _parts(node: Mapping[str, Any], defs: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The objects a schema allows at one place."""
    if "$ref" in node:
        yield from _parts(defs[node["$ref"].rpartition("/")[2]], defs)
    for form in ("anyOf", "oneOf", "allOf"):
        for part in node.get(form, ()):
            yield from _parts(part, defs)
    if "properties" in node:
        yield node


def published(sdk: str) -> dict[str, set[str]]:
    """Keys by verb."""
    whole = schema(sdk)
    defs = whole["$defs"]
    found: dict[str, set[str]] = {}
    for ref in defs["SWMLMethod"]["anyOf"]:
        for method in _parts(ref, defs):
            for verb, value in method["properties"].items():
                keys = found.setdefault(verb, set())
                for part in _parts(value, defs):
                    keys.update(part["properties"])
    return found


def ours(verb: str) -> set[str]:
    fields = VERBS[verb].model_fields
    return {info.alias or name for name, info in fields.items()}


def takes_keys(verb: str) -> bool:
    """False for a verb of one value, and for one that reads a foreign object by itself (`ai`)."""
    return VERBS[verb].whole is None and VERBS[verb].model_config.get("extra") != "allow"


@pytest.mark.parametrize("sdk", SDKS)
def test_the_schema_is_read_as_it_is_meant(sdk: str) -> None:
    found = published(sdk)
    assert len(found) >= 38
    assert {"to", "serial", "encryption"} <= found["connect"] and "urls" in found["play"]


@pytest.mark.parametrize("sdk", SDKS)
def test_every_published_verb_is_one_of_ours_or_named_as_missing(sdk: str) -> None:
    assert published(sdk).keys() - VERBS.keys() - UNSUPPORTED.keys() == set()


@pytest.mark.parametrize("sdk", SDKS)
def test_every_published_key_of_a_verb_is_a_field_of_ours(sdk: str) -> None:
    missing = {
        (verb, key)
        for verb, keys in published(sdk).items()
        if verb in VERBS and VERBS[verb].whole is None and takes_keys(verb)
        for key in keys - ours(verb)
    }
    assert missing == set()


def test_no_key_is_taken_without_effect_but_for_a_reason() -> None:
    idle = {
        (name, info.alias or key)
        for name, verb in VERBS.items()
        for key, info in verb.model_fields.items()
        if any(isinstance(mark, Ignored) for mark in info.metadata)
    }
    assert idle - UNHEARD.keys() == set()

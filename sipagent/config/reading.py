"""Reading sipagent.yaml: the environment filled in, relative paths made whole, mistakes with their
place.
"""

import os
import re
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sipagent.errors import ConfigError, Finding
from sipagent.sources import KeyPath, Source, parse, read

from .cluster import anchored as anchored_cluster
from .hep import anchored as anchored_hep
from .settings import Settings
from .sip import anchored
from .webhooks import anchored as anchored_webhooks

_ENV = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")


def load(path: Path | None) -> Settings:
    """Read a settings file, or take the defaults when `path` is None. Raises ConfigError.

    Relative paths inside are relative to the file.
    """
    source = parse("{}", "defaults") if path is None else read(path)
    data = source.data if source.data is not None else {}
    if not isinstance(data, dict):
        raise ConfigError([source.finding((), "expected a mapping of settings")])
    findings: list[Finding] = []
    data = _filled(data, source, (), findings)
    if findings:
        raise ConfigError(findings)
    try:
        settings = Settings(**data)
    except ValidationError as error:
        raise ConfigError(source.findings(error, Settings)) from error
    return settings if path is None else _anchored(settings, path.parent)


def doubts(path: Path | None) -> list[Finding]:
    """Warnings about a settings file that loads: what works, and should not stand there."""
    if path is None:
        return []
    source = read(path)
    keys: Any = source.data
    place: KeyPath = ("store", "encryption", "keys")
    for name in place:
        keys = keys.get(name) if isinstance(keys, dict) else None
    return [
        source.finding(
            (*place, name),
            "the key itself stands here, beside what it protects",
            hint="set it in the environment: ${env:NAME}",
            severity="warning",
        )
        for name, key in (keys.items() if isinstance(keys, dict) else ())
        if isinstance(key, str) and not _ENV.search(key)
    ]


def _filled(node: Any, source: Source, path: KeyPath, findings: list[Finding]) -> Any:
    """Replace `${env:NAME}` in every string; a missing variable is a finding."""
    if isinstance(node, dict):
        return {k: _filled(v, source, (*path, k), findings) for k, v in node.items()}
    if isinstance(node, list):
        return [_filled(v, source, (*path, i), findings) for i, v in enumerate(node)]
    if not isinstance(node, str):
        return node

    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match[1])
        if found is None:
            findings.append(source.finding(path, f"environment variable {match[1]} is not set"))
        return found or ""

    return _ENV.sub(value, node)


def _anchored(settings: Settings, folder: Path) -> Settings:
    prefix = "sqlite+aiosqlite:///"
    database = settings.store.database
    if database.startswith(prefix) and not database.startswith(prefix + "/"):
        database = prefix + str((folder / database.removeprefix(prefix)).absolute())
    cache = settings.speech_cache.folder
    store = settings.store.model_copy(
        update={"database": database, "bundles": (folder / settings.store.bundles).absolute()}
    )
    return settings.model_copy(
        update={
            "sip": settings.sip.model_copy(update={"tls": anchored(settings.sip.tls, folder)}),
            "store": store,
            "speech_cache": settings.speech_cache.model_copy(
                update={"folder": cache and (folder / cache).absolute()}
            ),
            "mcp_servers": {
                name: server.model_copy(
                    update={"cwd": server.cwd and (folder / server.cwd).absolute()}
                )
                for name, server in settings.mcp_servers.items()
            },
            "webhooks": anchored_webhooks(settings.webhooks, folder),
            "cluster": anchored_cluster(settings.cluster, folder),
            "hep": anchored_hep(settings.hep, folder),
            "state": settings.state and (folder / settings.state).absolute(),
            "dialplans": tuple((folder / p).absolute() for p in settings.dialplans),
            "tools": tuple((folder / p).absolute() for p in settings.tools),
        }
    )

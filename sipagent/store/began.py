"""What a call began with: `plan.json` in its folder, with which the call can be run again.

The plan as it was in force, and what else it could see then. A plan's author may have written
credentials into it: only the server's own user reads the file, and `archive` masks them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from .vault import PLAIN, Files

PLAN = "plan.json"


class Began(BaseModel):
    """`document` is the plan as plain data, `file` where it came from; `headers` are the SIP ones
    plans see. `section`, `agent` and `variables` are of a call that was made from outside.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    version: Literal[1] = 1
    call_id: str
    name: str
    file: str
    document: Mapping[str, Any]
    direction: Literal["inbound", "outbound"] = "inbound"
    caller: str = ""
    callee: str = ""
    headers: Mapping[str, str] = Field(default_factory=dict)
    section: str = "main"
    agent: str = ""
    variables: Mapping[str, Any] = Field(default_factory=dict)


def write_began(folder: Path, began: Began, files: Files = PLAIN) -> None:
    """Whole or not at all. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    files.write(folder / PLAN, began.model_dump_json().encode(), private=True)


def read_began(folder: Path, files: Files = PLAIN) -> Began:
    """Read it back. Raises OSError, VaultError, and ValueError where it is not one."""
    return Began.model_validate_json(files.read(folder / PLAN))

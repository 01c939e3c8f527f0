"""docs/records.md is true."""

import re
from pathlib import Path

from sipagent.cli.program import COMMANDS
from sipagent.config import KeepRule, Settings, load

DOC = Path(__file__).parents[2] / "docs" / "records.md"


def test_its_settings_load(tmp_path: Path) -> None:
    examples = re.findall(r"^```yaml\n(.*?)^```", DOC.read_text(), re.M | re.S)
    assert len(examples) == 2
    path = tmp_path / "sipagent.yaml"
    path.write_text("".join(examples))
    settings: Settings = load(path)
    assert settings.audit.key_env == ("SIPAGENT_AUDIT_KEY",)
    assert settings.retention.all_rules[-1] == KeepRule(plan="support", recordings="7d")


def test_it_names_every_command_there_is_for_it() -> None:
    named = set(re.findall(r"^sipagent (\w+)", DOC.read_text(), re.M))
    assert named == {"records", "audit"} <= {command.name for command in COMMANDS}

"""A plan and its scenarios, written where a test wants them."""

from pathlib import Path

from sipagent.config import Settings
from sipagent.testing.scenarios import Case, Result, play, read_cases

TOOLS = Path(__file__).parents[2] / "tools"
PLAN = """
routes: [{to: "100"}]
agents:
  desk:
    greeting: "Good morning."
    tools: [transfer, hangup]
    intents:
      hours: {phrases: ["when are you open"], say: "Nine to five."}
      sales: {phrases: ["sales please"], digits: "1", do: {transfer: {to: "sip:sales@pbx.example"}}}
      bye: {phrases: [goodbye], say: "Goodbye.", do: {hangup: }}
policy: {destinations: ["sip:*@pbx.example"]}
sections:
  main: [answer, {ai: {agent: desk}}, hangup]
"""


def cases(folder: Path, scenarios: str, plan: str = PLAN) -> list[Case]:
    """Scenarios for a plan, as they are read. Raises ConfigError."""
    (folder / "desk.yaml").write_text(plan)
    file = folder / "desk.test.yaml"
    file.write_text(scenarios)
    return read_cases([file], Settings(tools=(TOOLS,)))


def played(folder: Path, steps: str, plan: str = PLAN, around: str = "") -> Result:
    """One scenario of these steps (a YAML list), played."""
    more = "".join(f"    {line}\n" for line in around.splitlines())
    text = f"scenarios:\n  - name: tried\n{more}    steps:\n"
    text += "".join(f"      {line}\n" for line in steps.strip().splitlines())
    return play(cases(folder, text, plan)[0])

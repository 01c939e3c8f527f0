"""The JSON Schema of scenario files, for editors."""

from typing import Any

from .format import ScenarioFile


def schema() -> dict[str, Any]:
    """The whole of it."""
    made = ScenarioFile.model_json_schema(by_alias=True)
    for absent in ("not", "never"):
        # a bare text, which the model's own reference to itself cannot say
        made["$defs"]["Expectation"]["properties"][absent]["anyOf"].append({"type": "string"})
    dialect = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": dialect, **made, "title": "sipagent scenarios"}

"""What is kept of a talk when it is over: a summary (SWML's `post_prompt`), and a memory."""

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import ConfigDict, Field, field_validator

from ..parts import Part
from ..refs import Providers


class MemorySpec(Part):
    """What an agent keeps of a caller from one call to the next: nothing unless this stands in the
    plan, and nothing of a caller whose number is withheld.
    """

    days: float = Field(default=90.0, gt=0, le=3650, description="kept since it was last written")
    max_chars: int = Field(
        default=1000, ge=100, le=8000, description="in all; the oldest notes go first"
    )


class SummarySpec(Part):
    """A request to a model after the talk: a summary in words, facts by a schema, or both."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    prompt: str = Field(
        default="Summarise in two or three sentences what the caller wanted and what was agreed.",
        description="what the model is asked for",
    )
    schema_: Mapping[str, Any] | None = Field(
        default=None,
        alias="schema",
        description="JSON schema of an object: the facts, checked before they are kept",
    )
    timeout: float = Field(default=15.0, gt=0, le=30, description="seconds, in all")
    brain: Providers | None = Field(
        default=None, description="a model for it, in place of the agent's own"
    )

    @field_validator("schema_")
    @classmethod
    def _is_one(cls, schema: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        if schema is None:
            return None
        try:
            Draft202012Validator.check_schema(dict(schema))
        except SchemaError as error:
            raise ValueError(f"not a JSON schema: {error.message}") from error
        if schema.get("type") != "object":
            raise ValueError("the schema has to be of type object")
        return schema

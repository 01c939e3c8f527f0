"""What is to be made of a talk when it is over; SWML's `post_prompt`."""

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import ConfigDict, Field, field_validator

from ..parts import Part
from ..refs import Providers


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

"""Every operation of the HTTP API under requests made from its own document, and from its opposite.

Nothing may be answered by what the document does not say, nor to whom it does not say it.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation

from sipagent.config import ROLES

SSE = "text/event-stream"
_CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
#: for an answer, seconds: whoever fuzzes has two cores, too
_PATIENCE = 60
_SCOPES: Mapping[str, frozenset[str]] = {role: frozenset(may) for role, may in ROLES.items()}

Operation = APIOperation[Any, Any, Any, Any]


@dataclass(slots=True)
class Report:
    """What was asked, and what was answered otherwise than the document says."""

    requests: int = 0
    operations: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


@schemathesis.serializer("application/sdp", "application/yaml")
def _as_text(context: schemathesis.SerializationContext, value: Any) -> Any:
    """Bodies that are text as it is."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


class HttpFuzz:
    """The API at `base`. `known` are values for keys of paths that lead somewhere."""

    def __init__(
        self, base: str, tokens: Mapping[str, str], known: Mapping[str, str], *, examples: int
    ) -> None:
        """Raises requests.RequestException where nobody answers."""
        load_all_checks()
        self._base, self._tokens, self._known = base, tokens, known
        self._checks = CHECKS.get_by_names(_CHECKS)
        self._web = requests.Session()
        document = self._web.get(
            f"{base}/v1/openapi.json", headers=self._headers("admin"), timeout=_PATIENCE
        ).json()
        self._schema = schemathesis.openapi.from_dict(document)
        self.report = Report()
        self._settings = settings(
            max_examples=examples,
            derandomize=True,
            database=None,
            deadline=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )

    def run(self) -> Report:
        """All operations: what they take, what they do not take, and for whom they are."""
        for result in self._schema.get_all_operations():
            assert isinstance(result, Ok), result
            operation = result.ok()
            self.report.operations.append(operation.label)
            for strategy in self._strategies(operation):
                self._answers_as_documented(strategy)
            self._lets_in_as_documented(operation)
        return self.report

    def _strategies(self, operation: Operation) -> Iterator[Any]:
        """Requests as they should be, to what is there and to what is not; and others."""
        positive, negative = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
        keys = {key: self._known[key] for key in self._known if f"{{{key}}}" in operation.path}
        yield operation.as_strategy(positive)
        if keys:
            yield operation.as_strategy(positive, path_parameters=keys)
        if operation.body or operation.query or operation.path_parameters:
            yield operation.as_strategy(negative)

    def _answers_as_documented(self, strategy: Any) -> None:
        @self._settings
        @given(case=strategy)
        def answered(case: Any) -> None:
            response = self._sent(case, "admin")
            try:
                case.validate_response(response, checks=self._checks)
            except (FailureGroup, Failure) as error:
                self._fault(case, response, str(error))

        answered()

    def _lets_in_as_documented(self, operation: Operation) -> None:
        security = operation.definition.raw["security"]
        needed = set(security[0]["token"]) if security else None

        @settings(self._settings, max_examples=1)
        @given(case=operation.as_strategy())
        def let_in(case: Any) -> None:
            for role in ("", *self._tokens):
                response = self._sent(case, role)
                refused = _refused(response)
                may = needed is None or (role != "" and needed <= _SCOPES[role])
                if may == refused:
                    told = f"{role or 'nobody'} is {'not let in' if may else 'let in'}"
                    self._fault(case, response, told)

        let_in()

    def _sent(self, case: Any, role: str) -> requests.Response:
        self.report.requests += 1
        kwargs = case.as_transport_kwargs(base_url=self._base)
        kwargs["headers"] = {**(kwargs.get("headers") or {}), **self._headers(role)}
        streams = SSE in str(case.operation.definition.raw["responses"].get("200"))
        with self._web.request(**kwargs, timeout=_PATIENCE, stream=streams) as response:
            if response.headers.get("content-type", "").startswith(SSE):
                response._content = b""  # it has no end
            elif streams:
                response.content  # noqa: B018 - read while it is open
            return response

    def _headers(self, role: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self._tokens[role]}"} if role else {}

    def _fault(self, case: Any, response: requests.Response, why: str) -> None:
        what = f"{case.method} {response.url}: {response.status_code}"
        self.report.faults.append(f"{what}\n{why}\n{response.text[:300]}")


def _refused(response: requests.Response) -> bool:
    """For want of a token, or of a scope: what policy does not allow is another matter."""
    if response.status_code == 401:
        return True
    if response.status_code != 403:
        return False
    try:
        return "has no scope" in str(response.json().get("detail"))
    except json.JSONDecodeError:
        return False

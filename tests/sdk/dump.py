"""Run inside the SDK's own Python: print the SWML of every example file given, one JSON a line.

`python dump.py signalwire FILE...`; a file without a service, or whose service needs what is not
here, says so in `error`.
"""

import contextlib
import importlib
import io
import json
import signal
import sys
from pathlib import Path
from typing import Any

import uvicorn

#: a file that does nothing for so long wants something that is not here
SECONDS = 30
BODY: dict[str, Any] = {
    "call": {
        "call_id": "0e2b3bd2-5f0e-4c0a-a9de-5b1a0f1f4c11",
        "direction": "inbound",
        "type": "sip",
        "from": "sip:alice@127.0.0.1",
        "to": "sip:100@127.0.0.1",
        "headers": [],
    },
    "vars": {},
    "envs": {},
}


def documents(package: str, file: str) -> list[dict[str, Any]]:
    """Every service of a file, as it answers the fetch of a call."""
    sys.path.insert(0, str(Path(file).parent))
    sys.argv = [file]
    served: list[Any] = []
    server = importlib.import_module(f"{package}.agent_server").AgentServer
    server.run = lambda self, *_, **__: served.extend(self.agents.values())
    captured = importlib.import_module(f"{package}.cli.core.service_loader").ServiceCapture()
    services = captured.capture(file, suppress_output=True)
    services = [*services, *(agent for agent in served if agent not in services)]
    if not services:
        loader = importlib.import_module(f"{package}.cli.core.agent_loader")
        services = [loader.load_service_from_file(file)]
    return [{"name": service.name, "document": rendered(service)} for service in services]


def rendered(service: Any) -> Any:
    """As the SDK's own tester dumps it."""
    if not hasattr(service, "_render_swml"):
        return json.loads(service.render_document())
    changes = service.on_swml_request(BODY, "/swml", None)
    return json.loads(service._render_swml(BODY["call"]["call_id"], changes))


def give_up(*_: object, **__: object) -> None:
    raise TimeoutError


def main() -> None:
    package, *files = sys.argv[1:]
    signal.signal(signal.SIGALRM, give_up)
    uvicorn.run = give_up  # a server would run for ever
    out = sys.stdout
    for file in files:
        line: dict[str, Any] = {"file": Path(file).name}
        signal.alarm(SECONDS)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                line["services"] = documents(package, file)
        except (Exception, SystemExit) as error:
            line["error"] = f"{type(error).__name__}: {error}"
        signal.alarm(0)
        out.write(json.dumps(line, default=str) + "\n")
        out.flush()


if __name__ == "__main__":
    main()

"""`sipagent tools`: the functions of `tools/`: list them, try one, serve them to other gateways."""

import asyncio
import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer
import uvicorn
from rich.markup import escape
from rich.table import Table

from sipagent.errors import SipAgentError
from sipagent.serving import asgi, common_gateway
from sipagent.serving.endpoint import Access, Endpoint
from sipagent.serving.functions import Functions

from .style import ConfigOption, JsonOption, out, print_json, settings_from

app = typer.Typer(
    no_args_is_help=True, help="The functions of tools/: list them, try one, serve them."
)
PathsArgument = Annotated[
    list[Path] | None, typer.Argument(help="files or folders [default: those of the settings]")
]


@app.command("list")
def list_(
    paths: PathsArgument = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """What a model is told of each function."""
    functions = _functions(paths, config, secrets=True)
    if as_json:
        print_json(functions.declared())
        return
    table = Table(box=None, header_style="bold")
    for head in ("function", "arguments", "what it is for"):
        table.add_column(head)
    for declared in functions.declared():
        table.add_row(
            declared["function"],
            escape(_signature(declared["parameters"])),
            escape(declared["description"]),
        )
    out.print(table)


@app.command(
    "call",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def call(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="the function")],
    path: Annotated[list[Path] | None, typer.Option(help="a file or folder")] = None,
    config: ConfigOption = None,
    raw: Annotated[str, typer.Option(help="the arguments as JSON")] = "",
) -> None:
    """Run one function as a gateway would: `sipagent tools call lookup_order --order_number 1001`.

    Prints the answer as JSON; exit 1 where the function failed.
    """
    functions = _functions(path, config, secrets=True)
    if name not in functions.tools:
        known = ", ".join(functions.tools) or "none"
        raise SipAgentError(f"there is no function {name}; the functions: {known}")
    schema = functions.tools[name].parameters.get("properties", {})
    arguments = _arguments(context.args, raw, schema)
    ran = asyncio.run(functions.run(name, arguments, {"call_id": "try-out"}))
    print_json(ran.body)
    raise typer.Exit(0 if ran.ok else 1)


@app.command("serve")
def serve(  # noqa: PLR0917 - typer makes options of them
    paths: PathsArgument = None,
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0: any that is free")] = 3000,
    url: Annotated[str, typer.Option(help="how gateways reach it, where that is another URL")] = "",
    tokens: Annotated[
        bool, typer.Option("--tokens", help="each function needs a token of its own")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Serve the functions to SWML gateways, as one SWAIG endpoint, until Ctrl-C.

    SIPAGENT_TOOLS_USER and SIPAGENT_TOOLS_PASSWORD ask for Basic auth, SIPAGENT_TOOLS_SECRET (or
    --tokens) for a token a function, which is given with its declaration.
    """
    functions = _functions(paths, config)
    access = Access.from_environment()
    if url:
        access = Access(access.user, access.password, access.tokens, url)
    if tokens and access.tokens is None:
        access = Access.with_new_secret(access)
    if not access.user and access.tokens is None:
        out.print("[yellow]anybody who reaches it may call: set SIPAGENT_TOOLS_USER[/]")
    out.print(f"{len(functions.tools)} functions: {', '.join(functions.tools)}")
    uvicorn.run(
        asgi.application(Endpoint(functions, access)),
        host=host,
        port=port,
        log_level="info",
        server_header=False,
    )


@app.command("cgi")
def cgi(paths: PathsArgument = None, config: ConfigOption = None) -> None:
    """Answer one CGI request; for a script that a web server starts for each."""
    endpoint = Endpoint(_functions(paths, config), Access.from_environment())
    common_gateway.serve(endpoint, os.environ)


def _functions(
    paths: list[Path] | None, config: Path | None, *, secrets: bool = False
) -> Functions:
    return Functions.load(paths or settings_from(config).tools, secrets=secrets)


def _signature(schema: dict[str, Any]) -> str:
    needed = schema.get("required", ())
    names = schema.get("properties", {})
    return ", ".join(name if name in needed else f"[{name}]" for name in names)


def _arguments(words: list[str], raw: str, schema: dict[str, Any]) -> dict[str, Any]:
    """`--name value` pairs; a value that is JSON is what it says, but where the function wants a
    text. Raises SipAgentError.
    """
    try:
        given: Any = json.loads(raw or "{}")
    except ValueError as error:
        raise SipAgentError(f"--raw is not JSON: {error}") from error
    if not isinstance(given, dict) or len(words) % 2:
        raise SipAgentError("write each argument as --name value")
    for name, value in zip(words[::2], words[1::2], strict=True):
        if not name.startswith("--"):
            raise SipAgentError(f"{name!r} is no argument: write --name value")
        key = name.removeprefix("--").replace("-", "_")
        wanted = schema.get(key, {}).get("type")
        given[key] = value if wanted == "string" else _value(value)
    return given


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text

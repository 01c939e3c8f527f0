"""An MCP server of the handshake era in plain Python, with the fault its argument names."""

import json
import os
import sys
import time
from typing import Any

FAULT = sys.argv[1] if len(sys.argv) > 1 else ""
PROTOCOL = "2025-06-18"
TOOL = {"name": "echo", "description": "Say it back.", "inputSchema": {"type": "object"}}


def send(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def tools() -> list[dict[str, Any]]:
    if FAULT == "many":
        return [{**TOOL, "name": f"t{n}"} for n in range(1000)]
    if FAULT == "broken-tool":
        return [{"name": 7}]
    return [TOOL]


def called(number: Any, arguments: dict[str, Any]) -> None:
    text = json.dumps(arguments or sorted(os.environ))
    match FAULT:
        case "crash":
            os._exit(3)
        case "huge":
            text = "x" * (5 << 20)
        case "large":
            text = "x" * 1_000_000
        case "not-json":
            sys.stdout.write("{this is no JSON\n" * 30)
            sys.stdout.flush()
            return
        case "wrong-result":
            send({"id": number, "result": {"content": "no list"}})
            return
        case "image":
            image = {"type": "image", "data": "AAAA", "mimeType": "image/png"}
            send({"id": number, "result": {"content": [image]}})
            return
        case "hang":
            with open(os.environ["SAW"] + ".called", "w") as file:
                file.write(str(os.getpid()))
            return
        case "chatty":
            sys.stdout.write("loading the model ...\n")
    send({"id": number, "result": {"content": [{"type": "text", "text": text}]}})


def main() -> None:
    if FAULT == "child":
        os.system("sleep 600 &")
    for line in sys.stdin:
        message = json.loads(line)
        number, method = message.get("id"), message.get("method")
        params = message.get("params") or {}
        if method == "initialize":
            info = {"name": "rough", "version": "1"}
            capabilities = {"tools": {"listChanged": True}}
            result = {
                "protocolVersion": PROTOCOL,
                "capabilities": capabilities,
                "serverInfo": info,
            }
            send({"id": number, "result": result})
        elif method == "tools/list":
            send({"id": number, "result": {"tools": tools()}})
        elif method == "tools/call":
            called(number, params.get("arguments") or {})
            if FAULT == "changes":
                TOOL["name"] = "echo2"
                send({"method": "notifications/tools/list_changed"})
        elif method == "notifications/cancelled":
            with open(os.environ["SAW"], "a") as file:
                file.write("cancelled\n")
        elif number is not None:
            send({"id": number, "error": {"code": -32601, "message": "Method not found"}})
    if FAULT == "stays":
        time.sleep(600)


if __name__ == "__main__":
    main()

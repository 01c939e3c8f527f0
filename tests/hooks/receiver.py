"""A receiver as a process of its own, to be killed: answers as the file `mode` says at the moment,
and writes down what it takes, once for each id, before it says that it did.
"""

import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock

FOLDER, PORT = Path(sys.argv[1]), int(sys.argv[2])
TAKEN = FOLDER / "taken"
known = set(TAKEN.read_text().split()) if TAKEN.exists() else set[str]()
lock = Lock()


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        mode = (FOLDER / "mode").read_text()
        with (FOLDER / "asked").open("a") as asked:
            asked.write(f"{mode}\n")
        if mode == "hang":
            time.sleep(30)
        if mode == "204":
            event_id = self.headers["webhook-id"]
            with lock, TAKEN.open("a") as taken:
                if event_id not in known:
                    known.add(event_id)
                    taken.write(f"{event_id}\n")
        self.send_response(int(mode) if mode.isdigit() else 503)
        if mode == "429":
            self.send_header("retry-after", "1")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing."""


server = ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
server.daemon_threads = True
server.serve_forever()

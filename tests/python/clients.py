"""clients.py: the foreign clients of the tests in one process, since importing them takes longer than most requests.

Prints the loopback port that it serves, and ends with its standard input. A request is a connection: one line of JSON
with the name of a module and its arguments, then the input of its `main`, up to the end of what is sent. The answer is
"ok" or "failed" in a line, and after it the lines that `main` returns, or why it failed.
"""

import importlib
import json
import socketserver
import sys
import threading
import traceback

MODULES = {"acl", "consume", "produce", "serialize"}


def answer(request):
    """The lines of an answer."""
    name, *arguments = json.loads(next(request))
    if name not in MODULES:
        raise SystemExit(f"{name} is not one of {sorted(MODULES)}")
    lines = (line.decode() for line in request)
    return ["ok", *importlib.import_module(name).main(lines, *arguments)]


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        try:
            lines = answer(self.rfile)
        except (Exception, SystemExit):
            lines = ["failed", traceback.format_exc()]
        self.wfile.write("".join(line + "\n" for line in lines).encode())


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128


def main():
    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(server.server_address[1], flush=True)
        sys.stdin.read()


main()

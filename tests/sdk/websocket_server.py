"""A WebSocket server of the `websockets` library, for tests: says its port, and serves until it is killed.

Its query says what it does: `refuse` answers 403, `close` closes with the code and reason that the first message
names, `fields` sends the request's fields as JSON; else it echoes. At `/realtime` it speaks a little of OpenAI's
Realtime API.
"""

import contextlib
import http
import json
import sys

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Request, Response, ServerConnection, serve


def refuse(connection: ServerConnection, request: Request) -> Response | None:
    return connection.respond(http.HTTPStatus.FORBIDDEN, "not you\n") if "refuse" in request.path else None


def select(connection: ServerConnection, offered: list[str]) -> str | None:
    return "realtime" if "realtime" in offered else None


def realtime(connection: ServerConnection) -> None:
    connection.send(json.dumps({"type": "session.created", "event_id": "e0", "session": {"type": "realtime"}}))
    for message in connection:
        asked = json.loads(message)["type"]
        if asked == "response.create":
            for delta in ("Hel", "lo"):
                event = {"type": "response.output_text.delta", "event_id": "e1", "delta": delta}
                connection.send(json.dumps(event))
            connection.send(json.dumps({"type": "response.done", "event_id": "e2", "response": {"id": "r"}}))


def handle(connection: ServerConnection) -> None:
    path = connection.request.path
    if "/realtime" in path:
        return realtime(connection)
    if path.endswith("?fields"):
        return connection.send(json.dumps(list(connection.request.headers.raw_items())))
    if path.endswith("?close"):
        code, reason = json.loads(connection.recv())
        return connection.close(code, reason)
    with contextlib.suppress(ConnectionClosed):
        for message in connection:
            connection.send(message)
    return None


with serve(handle, "127.0.0.1", 0, process_request=refuse, select_subprotocol=select, max_size=None) as server:
    print(server.socket.getsockname()[1], flush=True)
    sys.stdout.close()
    server.serve_forever()

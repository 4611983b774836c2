"""Makes one WebSocket with the `websockets` library, or OpenAI's SDK over it, and prints what came of it, as JSON.

Usage: websocket_client.py BASE_URL TOKEN CALL
It decides nothing: the tests do, from what it prints.
"""

import json
import os
import sys
import threading

import openai
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

BASE, TOKEN, CALL = sys.argv[1:]


def open_at(target: str, **options: object) -> ClientConnection:
    options.setdefault("additional_headers", {"Authorization": f"Bearer {TOKEN}"})
    return connect(f"ws{BASE.removeprefix('http')}{target}", proxy=None, max_size=None, **options)


def closed_by(connection: ClientConnection) -> list[object]:
    """The code and reason with which the other side closed."""
    try:
        connection.recv(timeout=30)
    except ConnectionClosed as closed:
        return [closed.rcvd.code, closed.rcvd.reason] if closed.rcvd else [1006, ""]
    raise AssertionError("it was not closed")


def text() -> object:
    with open_at("/v1/responses") as connection:
        connection.send("Grüße, 世界")
        return connection.recv(timeout=30)


def binary() -> object:
    sent = os.urandom(1024 * 1024)
    with open_at("/v1/responses", compression=None) as connection:
        connection.send(sent)
        return connection.recv(timeout=30) == sent


def fragments() -> object:
    with open_at("/v1/responses") as connection:
        connection.send(["a" * 70000, "b", ""])
        return connection.recv(timeout=30) == "a" * 70000 + "b"


def ping() -> object:
    with open_at("/v1/responses") as connection:
        return connection.ping(b"are you there").wait(30)


def close_by_client() -> object:
    connection = open_at("/v1/responses")
    connection.close(4002, "bye")
    return [connection.close_code, connection.close_reason]


def close_by_server() -> object:
    with open_at("/v1/responses?close") as connection:
        connection.send(json.dumps([4001, "enough"]))
        return closed_by(connection)


def subprotocol() -> object:
    offered = ["realtime", f"openai-insecure-api-key.{TOKEN}", "openai-beta.realtime-v1"]
    with open_at("/v1/responses?fields", subprotocols=offered, additional_headers={}) as connection:
        return [connection.subprotocol, json.loads(connection.recv(timeout=30))]


def refused() -> object:
    try:
        open_at("/v1/responses?refuse")
    except InvalidStatus as refusal:
        return [refusal.response.status_code, refusal.response.body.decode()]
    raise AssertionError("it was let in")


def cut() -> object:
    """Says so once it stands, and waits until it is closed."""
    with open_at("/v1/responses") as connection:
        connection.send("a")
        connection.recv(timeout=30)
        return closed_by(connection)


def many() -> object:
    """A hundred at once: each speaks after all are there."""
    heard, all_there = [], threading.Barrier(100)

    def one(number: int) -> None:
        with open_at("/v1/responses", open_timeout=60) as connection:
            all_there.wait(60)
            connection.send(str(number))
            heard.append(connection.recv(timeout=60) == str(number))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return heard.count(True)


def realtime() -> object:
    client = openai.OpenAI(base_url=f"{BASE}/v1", api_key=TOKEN)
    with client.realtime.connect(model="m", websocket_connection_options={"proxy": None}) as connection:
        first = connection.recv().type
        connection.response.create()
        said = ""
        for event in connection:
            if event.type == "response.output_text.delta":
                said += event.delta
            if event.type == "response.done":
                return [first, said]
    return None


CALLS = (
    text, binary, fragments, ping, close_by_client, close_by_server, subprotocol, refused, cut, many, realtime
)

print(json.dumps({call.__name__: call for call in CALLS}[CALL]()))

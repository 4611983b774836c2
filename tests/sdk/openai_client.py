"""Makes one call with OpenAI's own SDK and prints what came of it, as JSON.

Usage: openai_client.py BASE_URL TOKEN CALL MAX_RETRIES
It decides nothing: the tests do, from what it prints. `attempts` counts the requests that the SDK sent.
Answers that say `retry-after-ms` are listed in `pauses_ms`, where there are any: each with that number, and with how
many milliseconds passed until the next request.
"""

import json
import os
import sys
import time

import openai

MESSAGES = [{"role": "user", "content": "Say hello"}]


class Watch:
    """Sees each request when it is sent and each answer when its head is there."""

    def __init__(self) -> None:
        self.attempts = 0
        self.told = None
        self.pauses = []

    def hooks(self) -> dict[str, list[object]]:
        return {"request": [self.sent], "response": [self.answered]}

    def sent(self, _request: object) -> None:
        self.attempts += 1
        if self.told is not None:
            told, at = self.told
            self.pauses.append([told, (time.monotonic() - at) * 1000])
            self.told = None

    def answered(self, response: object) -> None:
        told = response.headers.get("retry-after-ms")
        self.told = None if told is None else (int(told), time.monotonic())

    def seen(self) -> dict[str, object]:
        return {"attempts": self.attempts, **({"pauses_ms": self.pauses} if self.pauses else {})}


WATCH = Watch()


def chat(client: openai.OpenAI) -> object:
    answer = client.chat.completions.create(model="m", messages=MESSAGES)
    return answer.choices[0].message.content


def chat_until_paused(client: openai.OpenAI) -> object:
    """Calls until it was told to wait: the answer after that."""
    for _ in range(200):
        answer = chat(client)
        if WATCH.pauses:
            return answer
    return None


def chat_stream(client: openai.OpenAI) -> object:
    chunks = client.chat.completions.create(model="m", messages=MESSAGES, stream=True)
    return [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]


def responses_stream(client: openai.OpenAI) -> object:
    events = client.responses.create(model="m", input="Say hello", stream=True)
    return [event.type for event in events]


def embeddings(client: openai.OpenAI) -> object:
    answer = client.embeddings.create(model="m", input="hello", encoding_format="float")
    return answer.data[0].embedding


def models(client: openai.OpenAI) -> object:
    return [model.id for model in client.models.list()]


CALLS = {call.__name__: call for call in (chat, chat_until_paused, chat_stream, responses_stream, embeddings, models)}


def classes(error: BaseException) -> list[str]:
    """The error's class and those that it is derived from, so that a test can name any of them."""
    return [kind.__name__ for kind in type(error).__mro__ if kind is not object]


def main() -> None:
    base_url, token, call, max_retries = sys.argv[1:]
    transport = openai.DefaultHttpxClient(event_hooks=WATCH.hooks(), trust_env="SSL_CERT_FILE" in os.environ)
    client = openai.OpenAI(
        base_url=f"{base_url}/v1", api_key=token, max_retries=int(max_retries), http_client=transport
    )
    try:
        outcome = {"result": CALLS[call](client)}
    except Exception as error:  # noqa: BLE001 - whatever it raises is what the test wants to know
        outcome = {
            "error": classes(error),
            "status": getattr(error, "status_code", None),
            "code": getattr(error, "code", None),
            "type": getattr(error, "type", None),
        }
    print(json.dumps({**outcome, **WATCH.seen()}))


main()

"""Makes one call with Anthropic's own SDK and prints what came of it, as JSON.

Usage: anthropic_client.py BASE_URL TOKEN CALL MAX_RETRIES
It decides nothing: the tests do, from what it prints. `attempts` counts the requests that the SDK sent.
Answers that say `retry-after-ms` are listed in `pauses_ms`, where there are any: each with that number, and with how
many milliseconds passed until the next request. A CALL that
ends in `_bearer` sends the token as `Authorization: Bearer`, any other as `x-api-key`.
"""

import json
import sys
import time

import anthropic

ASKED = {"model": "m", "max_tokens": 16, "messages": [{"role": "user", "content": "Say hello"}]}


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


def message(client: anthropic.Anthropic) -> object:
    return client.messages.create(**ASKED).content[0].text


def paused(client: anthropic.Anthropic) -> object:
    """Calls until it was told to wait: the answer after that."""
    for _ in range(200):
        answer = message(client)
        if WATCH.pauses:
            return answer
    return None


def stream(client: anthropic.Anthropic) -> object:
    with client.messages.stream(**ASKED) as events:
        return list(events.text_stream)


def models(client: anthropic.Anthropic) -> object:
    return [model.id for model in client.models.list()]


CALLS = {call.__name__: call for call in (message, paused, stream, models)}


def classes(error: BaseException) -> list[str]:
    """The error's class and those that it is derived from, so that a test can name any of them."""
    return [kind.__name__ for kind in type(error).__mro__ if kind is not object]


def code(error: Exception) -> object:
    """The code that stands in the error's body."""
    body = getattr(error, "body", None)
    inner = body.get("error") if isinstance(body, dict) else None
    return inner.get("code") if isinstance(inner, dict) else None


def main() -> None:
    base_url, token, call, max_retries = sys.argv[1:]
    transport = anthropic.DefaultHttpxClient(event_hooks=WATCH.hooks(), trust_env=False)
    name, _, bearer = call.partition("_")
    credential = {"auth_token": token} if bearer else {"api_key": token}
    client = anthropic.Anthropic(
        base_url=base_url, max_retries=int(max_retries), http_client=transport, **credential
    )
    try:
        outcome = {"result": CALLS[name](client)}
    except Exception as error:  # noqa: BLE001 - whatever it raises is what the test wants to know
        outcome = {
            "error": classes(error),
            "status": getattr(error, "status_code", None),
            "code": code(error),
            "type": getattr(error, "type", None),
        }
    print(json.dumps({**outcome, **WATCH.seen()}))


main()

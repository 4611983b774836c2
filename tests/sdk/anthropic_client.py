"""Makes one call with Anthropic's own SDK and prints what came of it, as JSON.

Usage: anthropic_client.py BASE_URL TOKEN CALL MAX_RETRIES
It decides nothing: the tests do, from what it prints. `attempts` counts the requests that the SDK sent. A CALL that
ends in `_bearer` sends the token as `Authorization: Bearer`, any other as `x-api-key`.
"""

import json
import sys

import anthropic

ASKED = {"model": "m", "max_tokens": 16, "messages": [{"role": "user", "content": "Say hello"}]}


def message(client: anthropic.Anthropic) -> object:
    return client.messages.create(**ASKED).content[0].text


def stream(client: anthropic.Anthropic) -> object:
    with client.messages.stream(**ASKED) as events:
        return list(events.text_stream)


def models(client: anthropic.Anthropic) -> object:
    return [model.id for model in client.models.list()]


CALLS = {call.__name__: call for call in (message, stream, models)}


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
    attempts = []
    transport = anthropic.DefaultHttpxClient(event_hooks={"request": [attempts.append]}, trust_env=False)
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
    print(json.dumps({**outcome, "attempts": len(attempts)}))


main()

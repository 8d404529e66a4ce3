"""A language model by script behind both providers' own SDKs: what a composition asks of one, in tokens and dollars per phase.

The server speaks the providers' wire formats on this machine. It agrees with whatever it is shown: the draft's parts, the draft's steps,
the findings word for word. Its answers pass the same checks as a model's. It counts a token for every four characters sent and received,
as no tokenizer works without a download; the ledger then prices them by the price table that ships.
"""

from __future__ import annotations

import json
import math
import threading
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    Json = dict[str, Any]

CHARACTERS_A_TOKEN = 4
PROVIDERS = ("anthropic", "openai")


def agreed(shown: Json) -> Json:
    """Return what a model that agrees would answer to the data of a phase."""
    if "findings" in shown:
        return {"findings": [{"id": each["id"], "text": each["text"]} for each in shown["findings"]]}
    if "slots" in shown:
        return {"steps": [_step(each) for each in shown["draft"]["steps"]]}
    return dict(shown["draft"])


def _step(drafted: Json) -> Json:
    return {"tool": drafted["tool"], "serves": drafted["serves"].split(",")[0], "inputs": drafted["inputs"]}


def _shown(text: str) -> Json:
    found: Json = json.loads(text.partition("<data>\n")[2].partition("\n</data>")[0])
    return found


def _tokens(text: str) -> int:
    return math.ceil(len(text) / CHARACTERS_A_TOKEN)


def anthropic_reply(asked: Json, seen: Counter[str]) -> Json:
    """Answer a request to the Messages API; instructions that were sent before are read from the cache."""
    system, user = asked["system"][0]["text"], asked["messages"][0]["content"]
    text, instructions = json.dumps(agreed(_shown(user))), _tokens(system)
    seen[system] += 1
    fresh = seen[system] == 1
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": asked["model"],
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": _tokens(user) + _tokens(json.dumps(asked["output_config"])),
            "cache_creation_input_tokens": instructions if fresh else 0,
            "cache_read_input_tokens": 0 if fresh else instructions,
            "output_tokens": _tokens(text),
        },
    }


def openai_reply(asked: Json, seen: Counter[str]) -> Json:
    """Answer a request to the Responses API; instructions that were sent before are read from the cache."""
    system, user = str(asked["instructions"]), str(asked["input"])
    text, instructions = json.dumps(agreed(_shown(user))), _tokens(system)
    seen[system] += 1
    sent, out = instructions + _tokens(user) + _tokens(json.dumps(asked["text"])), _tokens(text)
    said = {"type": "output_text", "text": text, "annotations": []}
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": asked["model"],
        "output": [{"type": "message", "id": "m1", "status": "completed", "role": "assistant", "content": [said]}],
        "parallel_tool_calls": False,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": sent,
            "input_tokens_details": {"cached_tokens": instructions if seen[system] > 1 else 0, "cache_write_tokens": 0},
            "output_tokens": out,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": sent + out,
        },
    }


@contextmanager
def serving(provider: str) -> Iterator[dict[str, str]]:
    """Serve the script; gives the environment in which a service asks it."""
    seen: Counter[str] = Counter()
    reply = {"anthropic": anthropic_reply, "openai": openai_reply}[provider]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the base class dispatches on the method's name
            asked = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))))
            body = json.dumps(reply(asked, seen)).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    name = provider.upper()
    try:
        yield {
            "E2I_LLM_PROVIDERS": provider,
            f"E2I_{name}_BASE_URL": f"http://127.0.0.1:{server.server_port}",
            f"E2I_{name}_API_KEY": "scripted",
            "E2I_LLM_COMPOSITION_USD": "5",
        }
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


def spent(client: httpx.Client, compositions: int) -> dict[str, Json]:
    """Return calls, tokens and dollars by phase, for one composition on average, from the ledger."""
    totals: dict[str, Counter[str]] = {}
    for row in client.get("/api/v1/admin/usage").raise_for_status().json()["items"]:
        kept = totals.setdefault(row["phase"], Counter())
        kept.update(
            {name: row[name] for name in ("calls", "answered", "tokens_in", "tokens_out", "tokens_cached", "cost_usd")}
        )
    return {
        phase: {name: round(value / compositions, 6) for name, value in kept.items()} for phase, kept in totals.items()
    }

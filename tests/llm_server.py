"""A server on this machine that speaks the providers' wire formats, as scripted: the SDKs talk to it as to the real ones."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Answer = "Callable[[BaseHTTPRequestHandler], None]"
USAGE = {"input_tokens": 120, "output_tokens": 30}
OPENAI_USAGE = {
    "input_tokens": 120,
    "input_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 0},
    "output_tokens": 30,
    "output_tokens_details": {"reasoning_tokens": 10},
    "total_tokens": 150,
}


@dataclass
class Script:
    """What to answer, one after the other (the last one again and again), and what was asked."""

    answers: list[Any]
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    url: str = ""

    def next(self) -> Callable[[BaseHTTPRequestHandler], None]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def reply(status: int, body: Any, headers: dict[str, str] | None = None, kind: str = "application/json"):
    """Answer with a status and a body, JSON unless it is text."""
    data = (body if isinstance(body, str) else json.dumps(body)).encode()

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"content-type": kind, "content-length": str(len(data)), **(headers or {})}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)

    return send


def stall(seconds: float):
    """Accept the request and say nothing."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(seconds)

    return send


def dribble(seconds: float, every: float = 0.1):
    """Send a space now and then: each read succeeds, the answer never ends."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("content-type", "application/json")
        handler.send_header("content-length", "100000")
        handler.end_headers()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(every)

    return send


def anthropic_says(text: str, stop: str = "end_turn", usage: dict[str, Any] | None = USAGE, **more: Any):
    body = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-5-5",
        "content": [{"type": "text", "text": text}] if text else [],
        "stop_reason": stop,
        "stop_sequence": None,
        **({"usage": usage} if usage else {}),
    }
    return reply(200, body | more)


def openai_says(text: str, status: str = "completed", usage: dict[str, Any] | None = OPENAI_USAGE, **more: Any):
    body = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": status,
        "model": "gpt-6.1-terra",
        "output": [
            {
                "type": "message",
                "id": "m1",
                "status": "completed",
                "role": "assistant",
                "content": [{"type": "output_text", "text": text, "annotations": []}],
            }
        ],
        "parallel_tool_calls": False,
        "tool_choice": "auto",
        "tools": [],
        **({"usage": usage} if usage else {}),
    }
    return reply(200, body | more)


def openai_embeds(vectors: list[list[float]], tokens: int | None = 8, **more: Any):
    """Answer /v1/embeddings, in reverse order: the index says which text a vector is of."""
    data = [{"object": "embedding", "index": i, "embedding": v} for i, v in enumerate(vectors)][::-1]
    usage = {"usage": {"prompt_tokens": tokens, "total_tokens": tokens}} if tokens is not None else {}
    return reply(200, {"object": "list", "model": "text-embedding-3-small", "data": data} | usage | more)


@contextmanager
def serving(*answers: Any) -> Iterator[Script]:
    """Serve a script on a free port until the block ends."""
    script = Script(list(answers))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", 0))
            script.asked.append(json.loads(self.rfile.read(length)))
            script.paths.append(self.path)
            script.headers.append({name.lower(): value for name, value in self.headers.items()})
            self.close_connection = True
            try:
                script.next()(self)
            except (BrokenPipeError, ConnectionResetError):
                return  # the caller's deadline passed

        def log_message(self, *_args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    script.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)

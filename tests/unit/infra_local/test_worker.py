"""A worker's side of a call, without its process."""

from __future__ import annotations

import json
import math
import socket
import threading
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local import frames, worker
from infra.local.zygote import SIZE, receive

SPECIFICATION = {"name": "f", "memory_mb": 128}


def answer(handler: Any, payload: bytes = b"{}") -> tuple[bytes, Any]:
    head = json.dumps({"request_id": "r", "deadline": time.time() + 5}).encode()
    packed = worker._answer(handler, SPECIFICATION, head + b"\n" + payload)
    kind, size = frames.HEADER.unpack(packed[: frames.HEADER.size])
    body = packed[frames.HEADER.size :]
    assert size == len(body)
    return kind, json.loads(body)


def test_a_handler_gets_its_event_and_context():
    def handler(event: Any, context: worker.Context) -> Any:
        assert context.function_name == "f"
        assert context.memory_limit_in_mb == 128
        assert context.aws_request_id == "r"
        assert 4_000 < context.get_remaining_time_in_millis() <= 5_000
        assert context.invoked_function_arn.endswith(":f")
        return event

    assert answer(handler, b'{"a": "\\n\xc3\xa9"}') == (frames.RESULT, {"a": "\né"})


def test_a_late_context_has_no_time_left():
    assert worker.Context("f", 1, "r", time.time() - 5).get_remaining_time_in_millis() == 0


class OddError(Exception):
    pass


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (OddError("why"), {"errorType": "OddError", "errorMessage": "why"}),
        (KeyError("k"), {"errorType": "KeyError", "errorMessage": "'k'"}),
        (RecursionError(), {"errorType": "RecursionError", "errorMessage": ""}),
    ],
)
def test_an_error_is_told_by_class_and_message(
    raised: Exception, expected: dict[str, str], capsys: pytest.CaptureFixture[str]
):
    def handler(event: Any, context: Any) -> Any:
        raise raised

    assert answer(handler) == (frames.ERROR, expected)
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("value", [{1, 2}, object(), math.nan, math.inf, b"bytes", {(1, 2): 3}])
def test_what_json_cannot_hold_is_a_marshal_error(value: Any):
    kind, document = answer(lambda *_: value)

    assert kind == frames.ERROR
    assert document["errorType"] == "Runtime.MarshalError"


def test_the_largest_answer_that_travels():
    fits = "x" * (worker.RESPONSE_LIMIT - 2)

    assert answer(lambda *_: fits)[0] == frames.RESULT
    assert answer(lambda *_: fits + "x")[1]["errorType"] == "Function.ResponseSizeTooLarge"


def test_a_long_message_is_cut():
    def handler(event: Any, context: Any) -> Any:
        raise OddError("x" * 100_000)

    assert len(answer(handler)[1]["errorMessage"]) == 32_000


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(json_values)
def test_whatever_json_holds_comes_back(value: Any):
    assert answer(lambda event, _: event, json.dumps(value).encode()) == (frames.RESULT, value)


def test_a_lone_surrogate_travels_escaped():
    assert answer(lambda *_: "\ud800")[1] == "\ud800"


@given(st.binary(max_size=3000), st.sampled_from([frames.CALL, frames.RESULT, frames.ERROR]))
def test_a_frame_is_read_as_it_was_packed(body: bytes, kind: bytes):
    left, right = socket.socketpair()
    with left, right:
        left.sendall(frames.pack(kind, body))
        assert frames.read(right) == (kind, body)


def test_a_frame_larger_than_any_buffer_arrives_whole():
    left, right = socket.socketpair()
    body = bytes(3_000_000)
    with left, right:
        sender = threading.Thread(target=left.sendall, args=(frames.pack(frames.RESULT, body),))
        sender.start()
        assert frames.read(right) == (frames.RESULT, body)
        sender.join()


def test_a_peer_that_is_gone_is_the_end():
    left, right = socket.socketpair()
    with right:
        left.sendall(frames.pack(frames.RESULT, b"whole")[:-2])
        left.close()
        with pytest.raises(EOFError):
            frames.read(right)


def test_a_zygote_reads_a_specification_and_a_descriptor():
    left, right = socket.socketpair()
    passed, kept = socket.socketpair()
    body = json.dumps({"name": "f", "filler": "x" * 5000}).encode()
    with left, right, kept:
        socket.send_fds(left, [SIZE.pack(len(body)) + body], [passed.fileno()])
        passed.close()
        specification, descriptor = receive(right)
        with socket.socket(fileno=descriptor) as other:
            other.sendall(b"hello")
            assert kept.recv(5) == b"hello"
        assert specification["name"] == "f"
        left.close()
        assert receive(right) is None


def test_a_module_that_cannot_be_imported_is_reported_as_lambda_does(capsys: pytest.CaptureFixture[str]):
    _, failure = worker._load("no.such.module.handle")

    assert json.loads(failure[frames.HEADER.size :])["errorType"] == "Runtime.ImportModuleError"
    capsys.readouterr()


def test_a_handler_is_found_by_its_dotted_name():
    handler, failure = worker._load("json.dumps")

    assert (handler, failure) == (json.dumps, b"")

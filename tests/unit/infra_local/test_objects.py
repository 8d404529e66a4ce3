"""The object store's addresses and files."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path
from typing import Any

import pytest
from e2i_shared.errors import (
    E2IError,
    ForbiddenError,
    MalformedRequestError,
    NotFoundError,
    StorageFullError,
    TooLargeError,
)
from e2i_shared.objects import FolderObjects, signature
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.infra_local.asgi import Answer, call_async

from infra.local import objects
from infra.local.objects import ObjectStore

SECRET = "secret"


def ask(root: Path, method: str, target: str, *chunks: bytes) -> Answer:
    store = ObjectStore(root, SECRET)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await store(scope, receive, send, [(b"x-correlation-id", b"c")])

    return asyncio.run(call_async(app, method, f"/_objects/{target}", None, *chunks))


def signed(method: str, key: str, expires: int = 9_999_999_999) -> str:
    return f"{key}?expires={expires}&signature={signature(SECRET, method, key, expires)}"


def test_what_is_put_is_got_in_many_chunks(tmp_path: Path):
    content = os.urandom(700_000)
    chunks = [content[at : at + 65_536] for at in range(0, len(content), 65_536)]

    put = ask(tmp_path, "PUT", signed("PUT", "a/b.csv"), *chunks)
    got = ask(tmp_path, "GET", signed("GET", "a/b.csv"))

    assert put.status == got.status == 200
    assert got.body == content
    assert got.headers["content-length"] == str(len(content))
    assert put.headers["x-correlation-id"] == "c"


def test_the_ticket_a_function_issues_is_accepted(tmp_path: Path):
    ticket = FolderObjects(tmp_path, "http://127.0.0.1:1/_objects", SECRET).ticket("uploads/x")

    assert ask(tmp_path, "PUT", ticket.url.partition("/_objects/")[2], b"data").status == 200
    with FolderObjects(tmp_path, "", SECRET).open("uploads/x") as file:
        assert file.read() == b"data"


def test_an_object_can_be_put_again(tmp_path: Path):
    for content in (b"one", b"two"):
        ask(tmp_path, "PUT", signed("PUT", "k"), content)

    assert (tmp_path / "k").read_bytes() == b"two"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["k"]


@pytest.mark.parametrize(
    "target",
    [
        "k",
        "k?expires=9999999999",
        "k?signature=x",
        "k?expires=x&signature=x",
        "k?expires=-1&signature=x",
        "k?expires=٣&signature=x",
        "k?expires=9999999999999999&signature=x",
        "k?expires=9999999999&signature=é",
        signed("GET", "k"),
        signed("PUT", "other").replace("other", "k"),
        signed("PUT", "k", 1),
        signed("PUT", "k").replace("expires=9999999999", "expires=9999999998"),
    ],
)
def test_an_address_that_is_not_signed_for_this_is_forbidden(tmp_path: Path, target: str):
    with pytest.raises(ForbiddenError):
        ask(tmp_path, "PUT", target, b"x")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "key",
    ["", ".", "..", "../x", "a/../x", "a/./x", ".x", "a/.x", "a//x", "/x", "a\\b", "a b", "a\x00b", "é", "x" * 1025],
)
def test_a_key_that_could_leave_the_folder_is_refused_even_when_signed(tmp_path: Path, key: str):
    from urllib.parse import quote

    target = f"{quote(key)}?expires=9999999999&signature={signature(SECRET, 'PUT', key, 9_999_999_999)}"
    with pytest.raises(MalformedRequestError):
        ask(tmp_path, "PUT", target, b"x")


@given(st.text(max_size=30))
@settings(max_examples=150)
def test_every_accepted_key_stays_inside(key: str):
    root = Path("/objects")
    if objects.KEY.fullmatch(key) and "//" not in key and not key.startswith("/"):
        assert Path(os.path.normpath(root / key)).is_relative_to(root)
        assert os.path.normpath(root / key) == str(root / key.rstrip("/"))


def test_a_missing_object_is_not_found(tmp_path: Path):
    with pytest.raises(NotFoundError):
        ask(tmp_path, "GET", signed("GET", "gone"))


def test_other_methods_are_refused(tmp_path: Path):
    with pytest.raises(E2IError) as caught:
        ask(tmp_path, "DELETE", signed("DELETE", "k"))

    assert caught.value.status == 405


def test_a_key_below_a_file_is_refused(tmp_path: Path):
    ask(tmp_path, "PUT", signed("PUT", "file"), b"x")

    with pytest.raises(MalformedRequestError):
        ask(tmp_path, "PUT", signed("PUT", "file/below"), b"x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


def test_too_much_is_refused_and_nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(objects, "SIZE_LIMIT", 10)

    with pytest.raises(TooLargeError):
        ask(tmp_path, "PUT", signed("PUT", "k"), b"x" * 6, b"x" * 6)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_and_nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(objects, "_write_all", full)

    with pytest.raises(StorageFullError):
        ask(tmp_path, "PUT", signed("PUT", "k"), b"x")
    assert list(tmp_path.iterdir()) == []


def test_an_upload_that_breaks_off_leaves_nothing(tmp_path: Path):
    store = ObjectStore(tmp_path, SECRET)
    messages = [{"type": "http.request", "body": b"x", "more_body": True}, {"type": "http.disconnect"}]

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(_: Any) -> None:
        raise AssertionError("nothing is answered")

    path, _, query = f"/_objects/{signed('PUT', 'k')}".partition("?")
    with pytest.raises(MalformedRequestError):
        asyncio.run(store({"method": "PUT", "path": path, "query_string": query.encode()}, receive, send, []))
    assert list(tmp_path.iterdir()) == []


def test_the_secret_is_made_once_and_kept_private(tmp_path: Path):
    first = objects.ensure_secret(tmp_path)

    assert objects.ensure_secret(tmp_path) == first
    assert len(first) == 64
    assert (tmp_path / objects.SECRET_FILE).stat().st_mode & 0o077 == 0

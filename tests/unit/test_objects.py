"""Upload tickets: signed, bound to one key and one method, and gone after a while."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from e2i_shared.errors import NotFoundError
from e2i_shared.objects import TICKET_SECONDS, FolderObjects, signature, verify

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "s3cret"
KEY = "uploads/tenant/0199"


@pytest.fixture
def store(tmp_path: Path) -> FolderObjects:
    return FolderObjects(tmp_path, "http://127.0.0.1:8321/_objects/", SECRET, clock=lambda: 1_000.0)


def test_a_ticket_opens_exactly_its_own_key(store: FolderObjects):
    ticket = store.ticket(KEY)
    query = parse_qs(urlsplit(ticket.url).query)
    expires, given = query["expires"][0], query["signature"][0]

    assert urlsplit(ticket.url).path == f"/_objects/{KEY}"
    assert ticket.expires_in_seconds == TICKET_SECONDS
    assert verify(SECRET, "PUT", KEY, expires, given, now=1_000)
    assert not verify(SECRET, "PUT", KEY + "x", expires, given, now=1_000)
    assert not verify(SECRET, "GET", KEY, expires, given, now=1_000)
    assert not verify("other", "PUT", KEY, expires, given, now=1_000)


def test_a_ticket_expires(store: FolderObjects):
    given = signature(SECRET, "PUT", KEY, 1_900)
    assert verify(SECRET, "PUT", KEY, "1900", given, now=1_900)
    assert not verify(SECRET, "PUT", KEY, "1900", given, now=1_901)


@pytest.mark.parametrize("expires", ["", "soon", "-5", "1e9", "９９９９"])
def test_an_expiry_that_is_no_number_opens_nothing(expires: str):
    assert not verify(SECRET, "PUT", KEY, expires, signature(SECRET, "PUT", KEY, 9_999), now=0)


def test_what_was_uploaded_is_read_back(store: FolderObjects, tmp_path: Path):
    (tmp_path / "uploads/tenant").mkdir(parents=True)
    (tmp_path / KEY).write_bytes(b"a,b\n1,2\n")
    with store.open(KEY) as stream:
        assert stream.read() == b"a,b\n1,2\n"


@pytest.mark.parametrize("key", ["uploads/none", "../outside", "uploads/../../etc/passwd", ""])
def test_a_missing_object_and_a_key_that_leaves_the_folder_are_not_found(store: FolderObjects, key: str):
    with pytest.raises(NotFoundError):
        store.open(key)


def test_what_is_put_is_read_back_and_half_of_it_is_never_seen(store: FolderObjects):
    store.put("outputs/t/c/1.json", b"one")
    store.put("outputs/t/c/1.json", b"two")
    with store.open("outputs/t/c/1.json") as stream:
        assert stream.read() == b"two"
    assert [path.name for path in (store.root / "outputs/t/c").iterdir()] == ["1.json"]


def test_a_full_disk_keeps_nothing_and_may_be_tried_again(store: FolderObjects, monkeypatch):
    from pathlib import Path as AnyPath

    from e2i_shared.errors import StorageFullError

    def full(_self: AnyPath, _body: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(AnyPath, "write_bytes", full)
    with pytest.raises(StorageFullError):
        store.put("outputs/t/c/1.json", b"one")
    monkeypatch.undo()
    assert list((store.root / "outputs/t/c").iterdir()) == []

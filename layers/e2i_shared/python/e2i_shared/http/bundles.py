"""Trained twins' files: written once under their content's hash, read and kept in memory by the functions that simulate."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from e2i_shared import bootstrap
from e2i_shared.errors import ConflictError, NotFoundError

if TYPE_CHECKING:
    from e2i_shared.twins.bundle import Bundle
    from e2i_shared.twins.model import Twin

KEPT = 4
_held: OrderedDict[str, Bundle] = OrderedDict()


def key_of(tenant_id: str, digest: str) -> str:
    """Return where a tenant's bundle of that hash is kept."""
    return f"twins/{tenant_id}/{digest}.twin"


def usable(twin: Twin) -> Twin:
    """Return the twin; raise ConflictError where its training did not complete."""
    if twin.status == "COMPLETED":
        return twin
    raise ConflictError(
        f"The twin's training is {twin.status}: there is nothing to simulate with.",
        field="twin_id",
        expected="a twin whose training is COMPLETED",
        got=twin.status,
        hint=f"GET /jobs/{twin.job_id} shows how far it is." if twin.job_id else None,
    )


def load(twin: Twin) -> Bundle:
    """Return a twin's bundle; raise ConflictError where it is not trained, or its file is gone or damaged."""
    key = usable(twin).bundle_key or ""
    if key in _held:
        _held.move_to_end(key)
        return _held[key]
    from e2i_shared.twins import bundle

    found = bundle.read(content(twin), twin.model_hash)
    _held[key] = found
    while len(_held) > KEPT:
        _held.popitem(last=False)
    return found


def content(twin: Twin) -> bytes:
    """Return the bytes of a twin's file; raise ConflictError where there is none."""
    try:
        with bootstrap.objects().open(twin.bundle_key or "") as stream:
            return stream.read()
    except NotFoundError as error:
        raise ConflictError(
            "The twin's file is missing from the object store.",
            field="twin_id",
            expected="the file that training wrote",
            got="nothing",
            hint="Activate an earlier version, or train the twin again.",
        ) from error


def forget() -> None:
    """Let go of every bundle in memory."""
    _held.clear()

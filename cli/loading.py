"""Sending a file: small ones in the request, large ones to an upload ticket, with a progress bar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from cli.client import LOAD_TIMEOUT
from cli.exits import CommandError, Exit
from cli.waiting import bar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.progress import Progress, TaskID

    from cli.client import Client

    Json = dict[str, Any]

INLINE_BYTES = 512 * 1024
CHUNK_BYTES = 1024 * 1024
FORMATS = {".csv": "csv", ".txt": "csv", ".parquet": "parquet", ".pq": "parquet"}


def load(client: Client, path: Path, description: Json) -> Json:
    """Load a file with what is said about it (``name``, ``columns`` …); return the data set.

    Raises
    ------
    CommandError
        When the file cannot be read or has no known ending, or the service refuses it.
    """
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise CommandError.of(Exit.REJECTED, "Unknown kind of file", f"{path} ends in none of {', '.join(FORMATS)}.")
    if not path.is_file():
        raise CommandError.of(Exit.NOT_FOUND, "No such file", f"{path} does not exist.")
    request = {"name": path.stem, "format": kind} | description
    with bar() as progress:
        task = progress.add_task(f"Sending {path.name}", total=path.stat().st_size)
        request |= (_inline(path) if _is_small(path, kind) else None) or _uploaded(client, path, progress, task)
        progress.update(task, completed=path.stat().st_size, description=f"Loading {path.name}")
        loaded: Json = client.post("/datasets", request, timeout=LOAD_TIMEOUT)
    return loaded


def _is_small(path: Path, kind: str) -> bool:
    return kind == "csv" and path.stat().st_size <= INLINE_BYTES


def _inline(path: Path) -> Json | None:
    """Return the text to send; None where it is not UTF-8: the service reads UTF-16, and names what else it may be."""
    try:
        return {"content": path.read_bytes().decode("utf-8-sig")}
    except UnicodeDecodeError:
        return None


def _uploaded(client: Client, path: Path, progress: Progress, task: TaskID) -> Json:
    ticket = client.post("/uploads", None)
    size = path.stat().st_size
    with path.open("rb") as stream:
        try:
            reply = httpx.put(
                ticket["url"],
                content=_chunks(stream, progress, task),
                headers={"Content-Length": str(size)},
                timeout=LOAD_TIMEOUT,
            )
            reply.raise_for_status()
        except httpx.HTTPError as error:
            raise CommandError.of(Exit.FAILED, "The upload failed", f"{path}: {error}.") from error
    return {"upload_key": ticket["upload_key"]}


def _chunks(stream: Any, progress: Progress, task: TaskID) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk
        progress.advance(task, len(chunk))

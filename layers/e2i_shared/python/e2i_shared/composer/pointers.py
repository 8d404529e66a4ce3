"""JSON pointers (RFC 6901) into step outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from e2i_shared.errors import UngroundedAnswerError

if TYPE_CHECKING:
    from collections.abc import Iterator


def lookup(document: Any, pointer: str) -> Any:
    """Return what a pointer points at; raise UngroundedAnswerError when it points at nothing."""
    current = document
    for part in _parts(pointer):
        try:
            current = current[int(part)] if isinstance(current, list) else current[part]
        except (KeyError, IndexError, ValueError, TypeError):
            raise UngroundedAnswerError(
                f"The output holds nothing at {pointer!r}.", field="value_refs", got=pointer
            ) from None
    return current


def has(document: Any, pointer: str) -> bool:
    """Return whether a pointer points at something other than null."""
    try:
        return lookup(document, pointer) is not None
    except UngroundedAnswerError:
        return False


def parent(pointer: str) -> str:
    """Return the pointer of the object that holds what ``pointer`` points at."""
    return pointer.rpartition("/")[0]


def name(pointer: str) -> str:
    """Return the last part of a pointer."""
    return pointer.rpartition("/")[2]


def escape(part: str) -> str:
    """Return a key as a part of a pointer."""
    return part.replace("~", "~0").replace("/", "~1")


def leaves(document: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value that is neither object nor list, with its pointer."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield from leaves(value, f"{pointer}/{escape(str(key))}")
    elif isinstance(document, list):
        for i, value in enumerate(document):
            yield from leaves(value, f"{pointer}/{i}")
    else:
        yield pointer, document


def _parts(pointer: str) -> list[str]:
    return [p.replace("~1", "/").replace("~0", "~") for p in pointer.split("/")[1:]]

"""What passes from a file to the database is watched on its way: no NUL byte, no endless line, no quote that never closes.

Each check costs one scan of the chunk in C, so that memory stays constant and the copy stays fast.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from e2i_shared.datasets import refusals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Progress = Callable[[int, int | None], None]

MAX_LINE_BYTES = 8 << 20
_QUOTE = b'"'
# Postgres before 18 takes this line for the end of the data and would drop what follows without a word.
_END_MARK = re.compile(rb"(?:^|[\r\n])\\\.(?=[\r\n])")


def guarded(chunks: Iterable[bytes], newline: bytes = b"\n", *, limit: int = MAX_LINE_BYTES) -> Iterator[bytes]:
    """Yield UTF-8 chunks that are safe to copy, without blank lines at the end; raise BadFileError with the line."""
    watch = _Watch(newline, limit)
    held = b""
    for chunk in chunks:
        watch.see(chunk)
        body = chunk.rstrip(b"\r\n")
        if body:
            yield held + body if held else body
            held = chunk[len(body) :]
        else:
            held = (held + chunk)[-limit:]


def counted(chunks: Iterable[bytes], total: int | None, progress: Progress | None) -> Iterator[bytes]:
    """Yield the chunks and tell ``progress`` the bytes passed so far and their total."""
    done = 0
    for chunk in chunks:
        yield chunk
        done += len(chunk)
        if progress is not None:
            progress(done, total)


class _Watch:
    """Counts lines, and bytes since the last line end and since a quote was opened."""

    def __init__(self, newline: bytes, limit: int) -> None:
        self._newline, self._limit = newline, limit
        self._line = 1
        self._since_newline = 0
        self._quoted_for: int | None = None
        self._quoted_line = 1
        self._tail = b"\n"

    def see(self, chunk: bytes) -> None:
        self._refuse_nul(chunk)
        self._refuse_end_mark(chunk)
        self._follow_quotes(chunk)
        last = chunk.rfind(self._newline)
        self._since_newline = self._since_newline + len(chunk) if last < 0 else len(chunk) - last - 1
        self._line += chunk.count(self._newline)
        if self._since_newline > self._limit:
            raise refusals.too_long(self._line, self._limit)

    def _refuse_nul(self, chunk: bytes) -> None:
        at = chunk.find(0)
        if at >= 0:
            raise refusals.nul(self._line + chunk.count(self._newline, 0, at))

    def _refuse_end_mark(self, chunk: bytes) -> None:
        if b"\\." in chunk or (self._tail[-1:] == b"\\" and chunk[:1] == b".") or self._tail.endswith(b"\\."):
            found = _END_MARK.search(self._tail + chunk)
            if found:
                before = (self._tail + chunk)[: found.end()].count(self._newline)
                raise refusals.end_mark(self._line + before - self._tail.count(self._newline))
        self._tail = (self._tail + chunk[-3:])[-3:]

    def _follow_quotes(self, chunk: bytes) -> None:
        quotes = chunk.count(_QUOTE)
        opened = self._quoted_for is not None
        if quotes % 2:
            opened = not opened
        if not opened:
            self._quoted_for = None
        elif quotes:
            last = chunk.rfind(_QUOTE)
            self._quoted_for = len(chunk) - last
            self._quoted_line = self._line + chunk.count(self._newline, 0, last)
        else:
            self._quoted_for = (self._quoted_for or 0) + len(chunk)
        if self._quoted_for is not None and self._quoted_for > self._limit:
            raise refusals.unclosed_quote(self._quoted_line)

"""Which encoding a text file is in, decided only where it is certain.

UTF-8 with or without a byte order mark passes as it is; UTF-16 and UTF-32 with their mark are decoded. Anything else is refused
with its likely name and how to convert it: a guessed encoding would load wrong names without a word.
"""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from e2i_shared.errors import BadFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UTF16_ZEROS = 0.2


def detect(head: bytes) -> str:
    """Return "utf-8", "utf-16" or "utf-32" from a file's first bytes; raise BadFileError for any other encoding."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if head.count(0) > _UTF16_ZEROS * len(head):
        raise _refusal("UTF-16 without a byte order mark", "UTF-16LE", head.count(b"\n", 0, head.index(0)) + 1)
    bad = _first_bad_byte(head)
    if bad is not None:
        raise not_utf8(head.count(b"\n", 0, bad) + 1)
    return "utf-8"


def utf8(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Yield the chunks as UTF-8 without a byte order mark, in constant memory."""
    if encoding != "utf-8":
        yield from _recoded(chunks, encoding)
        return
    rest = iter(chunks)
    first = next(rest, b"")
    yield first.removeprefix(codecs.BOM_UTF8)
    yield from rest


def not_utf8(line: int | None) -> BadFileError:
    """Build the refusal of bytes that are not UTF-8, which are nearly always Windows-1252."""
    return _refusal("Windows-1252 or Latin-1", "WINDOWS-1252", line)


def _recoded(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)()
    lines = 1
    try:
        for chunk in chunks:
            text = decoder.decode(chunk)
            yield text.encode("utf-8")
            lines += text.count("\n")
        decoder.decode(b"", final=True)
    except UnicodeError as error:
        raise BadFileError(
            f"The file begins as {encoding.upper()} but breaks off or is damaged near line {lines}.",
            line=lines,
            field="file",
            expected=f"valid {encoding.upper()} or UTF-8",
            hint="Save the file as UTF-8 again.",
        ) from error


def _first_bad_byte(head: bytes) -> int | None:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError as error:
        return error.start
    return None


def _refusal(looks: str, iconv_name: str, line: int | None) -> BadFileError:
    where = f" (line {line})" if line else ""
    return BadFileError(
        f"The file is not UTF-8{where}; it looks like {looks}.",
        line=line,
        field="file",
        expected="UTF-8, or UTF-16 with a byte order mark",
        got=looks,
        hint=f"Convert it: iconv -f {iconv_name} -t UTF-8 in.csv > out.csv, or in Excel save as “CSV UTF-8”.",
    )

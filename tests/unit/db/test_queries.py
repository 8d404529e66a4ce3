from __future__ import annotations

import re
from importlib.resources import files

import pytest
from e2i_shared.db.queries import parse, query, subject_statements
from e2i_shared.errors import ConfigurationError

FOLDER = files("e2i_shared.db").joinpath("sql/queries")
SUBJECTS = sorted(entry.name.removesuffix(".sql") for entry in FOLDER.iterdir())


def test_a_statement_is_found_by_subject_and_name():
    assert query("migrations", "version").startswith("SELECT")


def test_an_unknown_statement_comes_with_the_known_ones():
    with pytest.raises(ConfigurationError) as unknown:
        query("migrations", "verson")

    assert "version" in unknown.value.candidates


def test_a_file_is_split_at_its_heads():
    text = "-- name: one\n-- The first.\nSELECT 1;\n\n-- name: two\n-- The second.\nSELECT\n  2;\n"

    statements = parse(text)

    assert [(s.name, s.description, s.sql) for s in statements.values()] == [
        ("one", "The first.", "SELECT 1"),
        ("two", "The second.", "SELECT\n  2"),
    ]


@pytest.mark.parametrize("text", ["-- name: one\nSELECT 1;", "-- name: One\n-- Upper case.\nSELECT 1;"])
def test_a_statement_without_name_or_description_is_refused(text):
    with pytest.raises(ConfigurationError, match="headed by"):
        parse(text)


def test_a_name_used_twice_is_refused():
    with pytest.raises(ConfigurationError, match="'one'"):
        parse("-- name: one\n-- A.\nSELECT 1;\n\n-- name: one\n-- B.\nSELECT 2;\n")


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_statement_is_one_statement_with_a_description(subject):
    for statement in subject_statements(subject).values():
        assert ";" not in re.sub(r"\$\$.*?\$\$", "", statement.sql), statement.name
        assert statement.description.endswith("."), statement.name


@pytest.mark.parametrize("subject", SUBJECTS)
def test_parameters_are_named_and_percent_signs_are_theirs_alone(subject):
    for statement in subject_statements(subject).values():
        takes_values = "%(" in statement.sql
        assert not takes_values or "%" not in re.sub(r"%\(\w+\)s", "", statement.sql), statement.name


def test_no_python_file_of_the_database_package_writes_sql():
    verbs = re.compile(r"[\"'](?:SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP|GRANT)\b")
    found = [
        entry.name
        for entry in files("e2i_shared.db").iterdir()
        if entry.name.endswith(".py") and verbs.search(entry.read_text())
    ]

    assert found == ["migrate.py"], "CREATE DATABASE takes no parameters"

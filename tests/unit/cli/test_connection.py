"""Where the command finds the service: options, environment, the ready file of this folder, in this order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli import connection
from cli.exits import CommandError, Exit


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("E2I_URL", raising=False)
    monkeypatch.delenv("E2I_TOKEN", raising=False)


def ready(**content: str) -> None:
    Path(".e2i").mkdir()
    (Path(".e2i") / "ready.json").write_text(json.dumps(content))


def test_the_ready_file_of_this_folder_is_enough():
    ready(url="http://127.0.0.1:8321/", token="t")
    found = connection.find()
    assert (found.url, found.token, found.source) == ("http://127.0.0.1:8321", "t", ".e2i/ready.json")


def test_the_environment_wins_over_the_ready_file(monkeypatch):
    ready(url="http://127.0.0.1:8321", token="local")
    monkeypatch.setenv("E2I_URL", "https://api.example.com")
    monkeypatch.setenv("E2I_TOKEN", "remote")
    assert connection.find() == connection.Connection("https://api.example.com", "remote", "E2I_URL")


def test_an_option_wins_over_all(monkeypatch):
    monkeypatch.setenv("E2I_URL", "https://api.example.com")
    monkeypatch.setenv("E2I_TOKEN", "remote")
    found = connection.find("https://other.example.com", "mine")
    assert (found.url, found.token, found.source) == ("https://other.example.com", "mine", "--url")


def test_the_token_of_the_ready_file_is_not_sent_elsewhere():
    ready(url="http://127.0.0.1:8321", token="local")
    assert connection.find("https://api.example.com").token == ""


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '"http://x"'])
def test_a_ready_file_that_cannot_be_read_counts_as_none(content: str):
    Path(".e2i").mkdir()
    (Path(".e2i") / "ready.json").write_text(content)
    with pytest.raises(CommandError) as refused:
        connection.find()
    assert refused.value.code is Exit.UNREACHABLE
    assert "e2i up" in refused.value.problem["hint"]

"""The data directory: ours or nobody's, and one runtime at a time."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from e2i_shared.errors import ConfigurationError

from infra.local.datadir import LOCK, MARKER, AlreadyRunningError, locked, open_data_dir, wipe
from infra.local.run import _announce, _listening, _withdraw


def test_a_new_directory_is_made_with_its_parts(tmp_path: Path):
    data = open_data_dir(tmp_path / "a" / "b")

    assert data.root == tmp_path / "a" / "b"
    assert {path.name for path in data.root.iterdir()} == {MARKER, "objects", "keys", "logs"}
    assert stat.S_IMODE(data.keys.stat().st_mode) == 0o700
    assert data.postgres.parent == data.root


def test_it_can_be_opened_again(tmp_path: Path):
    open_data_dir(tmp_path / "d")
    (tmp_path / "d" / "objects" / "kept").touch()

    assert (open_data_dir(tmp_path / "d").objects / "kept").exists()


def test_an_empty_directory_becomes_ours(tmp_path: Path):
    (tmp_path / "empty").mkdir()

    assert open_data_dir(tmp_path / "empty").logs.is_dir()


def test_a_home_directory_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))

    assert open_data_dir(Path("~/data")).root == tmp_path / "data"


def test_somebody_elses_directory_is_refused_untouched(tmp_path: Path):
    (tmp_path / "theirs").touch()

    with pytest.raises(ConfigurationError) as caught:
        open_data_dir(tmp_path)

    assert str(tmp_path) in caught.value.message
    assert caught.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["theirs"]


def test_a_file_is_no_directory(tmp_path: Path):
    (tmp_path / "file").touch()

    with pytest.raises(ConfigurationError) as caught:
        open_data_dir(tmp_path / "file" / "below")

    assert caught.value.field == "data_dir"


def test_wiping_leaves_an_empty_directory_of_ours_and_follows_no_link(tmp_path: Path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    data = open_data_dir(tmp_path / "d")
    (data.objects / "x").touch()
    (data.root / "ready.json").touch()
    (data.root / "link").symlink_to(outside)

    wipe(data)

    assert (outside / "precious").exists()
    assert {path.name for path in data.root.iterdir()} == {MARKER, "objects", "keys", "logs"}
    assert list(data.objects.iterdir()) == []


def test_the_lock_names_its_holder_and_ends_with_it(tmp_path: Path):
    data = open_data_dir(tmp_path)
    with locked(data, "http://127.0.0.1:1"):
        with pytest.raises(AlreadyRunningError) as caught, locked(data, "http://127.0.0.1:2"):
            pass
        assert "http://127.0.0.1:1" in caught.value.message
        assert str(os.getpid()) in caught.value.message

    with locked(data, "http://127.0.0.1:2"):
        pass
    assert (tmp_path / LOCK).read_text() == ""


def test_a_lock_whose_holder_has_not_said_who_it_is_is_still_a_lock(tmp_path: Path):
    data = open_data_dir(tmp_path)
    with locked(data, "http://127.0.0.1:1"):
        (tmp_path / LOCK).write_text("{")
        with pytest.raises(AlreadyRunningError) as caught, locked(data, "http://127.0.0.1:2"):
            pass

    assert "just starting" in caught.value.message


def test_wiping_keeps_the_lock(tmp_path: Path):
    data = open_data_dir(tmp_path)
    with locked(data, "http://127.0.0.1:1"):
        wipe(data)
        with pytest.raises(AlreadyRunningError), locked(data, "http://127.0.0.1:2"):
            pass


def test_a_ready_file_is_private_whole_and_taken_away(tmp_path: Path):
    from infra.local import tokens

    data = open_data_dir(tmp_path / "d")
    tokens.ensure_key(data.keys)
    ready = tmp_path / "new" / "ready.json"

    _announce(data, "http://127.0.0.1:1", [data.root / "ready.json", ready])

    assert ready.read_text() == (data.root / "ready.json").read_text()
    assert stat.S_IMODE(ready.stat().st_mode) == 0o600
    assert [path.name for path in ready.parent.iterdir()] == ["ready.json"]
    _withdraw([ready])
    _withdraw([data.root / "ready.json", ready])
    assert not ready.exists()
    assert not (data.root / "ready.json").exists()


@pytest.mark.parametrize("port", [1, 99_999])
def test_a_port_that_cannot_be_had_is_named(port: int):
    if port == 1 and os.geteuid() == 0:
        pytest.skip("root may listen there")
    with pytest.raises(ConfigurationError) as caught, _listening(port):
        pass

    assert str(port) in caught.value.message
    assert caught.value.field == "port"

"""``--plot``: which files appear, what they hold, and that nothing appears otherwise."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from e2i_shared import chart_theme
from e2i_shared.api.composition import Answer, AnswerPart
from e2i_shared.composer.model import NewComposition
from e2i_shared.ids import new_id
from e2i_shared.tools import _charts
from world import QUESTION, TENANT

from cli import plots
from cli.exits import CommandError, Exit

BARS = chart_theme.themed(_charts.bar_chart("By region", [{"label": "West", "value": 3.0}], unit="TRx"))
LINE = chart_theme.themed(
    _charts.line_chart("Trend", [{"x": "2026-01-01", "y": 1.0}, {"x": "2026-02-01", "y": 2.0}], unit="")
)
POWER = '{"effect_size": 1.0, "sd": 3.0}'


def files() -> list[str]:
    return sorted(path.name for path in Path().iterdir())


@pytest.mark.parametrize(("name", "starts"), [("a.svg", b"<svg"), ("a.png", b"\x89PNG"), ("a.PNG", b"\x89PNG")])
def test_a_tools_picture_is_written_in_the_format_of_its_name(run, name: str, starts: bytes):
    result = run("run-tool", "power_calculator", "--params", POWER, "--plot", name)

    assert result.exit_code == Exit.OK, result.output
    assert f"wrote {name}" in result.stderr
    assert Path(name).read_bytes().startswith(starts)
    assert files() == [name]


def test_a_picture_has_the_rights_of_any_new_file(tmp_path: Path):
    (tmp_path / "plain").touch()

    (made,) = plots.write([BARS], tmp_path / "a.svg")

    assert made.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_json_on_standard_output_stays_alone(run_json):
    found = run_json("run-tool", "power_calculator", "--params", POWER, "--plot", "a.svg")

    assert found["charts"]
    assert files() == ["a.svg"]


def test_several_charts_are_numbered(tmp_path: Path):
    made = plots.write([BARS, LINE], tmp_path / "found.svg")

    assert [path.name for path in made] == ["found-1.svg", "found-2.svg"]
    assert "By region" in made[0].read_text(encoding="utf-8")
    assert "Trend" in made[1].read_text(encoding="utf-8")


def stored(wiring: Any, charts: list[dict[str, Any]]) -> str:
    """Store an answered composition with charts and return its id."""
    compositions, identity = wiring.tenant(TENANT).compositions, new_id()
    compositions.create(NewComposition(composition_id=identity, query=QUESTION))
    part = AnswerPart(sub_question="Q1", question=QUESTION, text="Yes.", citations=[], confidence=0.9)
    compositions.save_answer(identity, Answer(headline="Yes.", parts=[part], charts=charts, text="Yes."), [], {})
    return identity


def test_a_past_answers_charts_are_written(wiring, run):
    identity = stored(wiring, [BARS, LINE])

    result = run("compositions", "show", identity, "--plot", "answer.svg")

    assert result.exit_code == Exit.OK, result.output
    assert "Yes." in result.stdout
    assert files() == ["answer-1.svg", "answer-2.svg"]


def test_an_answer_without_charts_says_so_and_writes_nothing(wiring, run):
    result = run("compositions", "show", stored(wiring, []), "--plot", "answer.svg")

    assert result.exit_code == Exit.OK
    assert "no picture" in result.stderr
    assert files() == []


def test_a_past_question_is_shown_without_a_picture_too(wiring, run, run_json):
    identity = stored(wiring, [BARS])

    assert "Yes." in run("compositions", "show", identity).stdout
    assert run_json("compositions", "show", identity)["composition_id"] == identity
    assert run("compositions", "show", new_id()).exit_code == Exit.NOT_FOUND


@pytest.mark.parametrize("name", ["a.pdf", "a", "a.svg.gz", ".png"])
def test_another_kind_of_file_is_refused_before_anything_is_asked(gateway, run, name: str):
    for command in (
        ("run-tool", "power_calculator", "--params", POWER),
        ("ask", QUESTION),
        ("compositions", "show", "x"),
    ):
        result = run(*command, "--plot", name)

        assert result.exit_code == Exit.USAGE, result.output
        assert ".png or .svg" in result.stderr
    assert gateway.requests == []
    assert files() == []


@pytest.mark.parametrize("name", ["missing/a.svg", "folder.svg"])
def test_a_place_that_cannot_be_written_is_refused_before_anything_is_asked(gateway, run, name: str):
    Path("folder.svg").mkdir()

    result = run("run-tool", "power_calculator", "--params", POWER, "--plot", name)

    assert result.exit_code == Exit.USAGE
    assert "cannot be written" in result.stderr
    assert gateway.requests == []


def test_a_full_disk_leaves_neither_half_a_picture_nor_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    real, calls = os.fdopen, []

    def full(handle: int, *options: Any) -> Any:
        calls.append(handle)
        if len(calls) == 2:
            os.close(handle)
            raise OSError(28, "No space left on device")
        return real(handle, *options)

    monkeypatch.setattr(os, "fdopen", full)

    with pytest.raises(CommandError, match="No space left"):
        plots.write([BARS, LINE], tmp_path / "a.svg")
    assert list(tmp_path.iterdir()) == []


def test_a_chart_that_cannot_be_drawn_leaves_nothing(tmp_path: Path):
    with pytest.raises(CommandError) as caught:
        plots.write([BARS, {"$schema": chart_theme.SCHEMA, "mark": 7}], tmp_path / "a.svg")

    assert caught.value.code == Exit.FAILED
    assert list(tmp_path.iterdir()) == []


def test_without_the_renderer_the_command_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "vl_convert", None)

    with pytest.raises(CommandError) as caught:
        plots.write([BARS], tmp_path / "a.svg")
    assert "vl-convert-python" in caught.value.problem["hint"]


def test_the_network_is_never_asked(tmp_path: Path):
    remote = {
        "$schema": chart_theme.SCHEMA,
        "data": {"url": "http://example.com/a.json"},
        "mark": "bar",
        "encoding": {},
    }

    try:
        (made,) = plots.write([remote], tmp_path / "a.svg")
    except CommandError:
        assert list(tmp_path.iterdir()) == []
    else:
        assert "example.com" not in made.read_text(encoding="utf-8")


def test_the_renderer_is_loaded_only_when_it_draws(run, monkeypatch):
    monkeypatch.delitem(sys.modules, "vl_convert", raising=False)

    run("run-tool", "power_calculator", "--params", POWER)

    assert "vl_convert" not in sys.modules

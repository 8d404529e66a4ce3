"""The twins' benchmark: rows beside their bars, parts saved one by one, truths that belong to their questions."""

from __future__ import annotations

import json

import numpy as np
import pytest
from builders_twins import confounded

from benchmarks import rows, twins, twins_truth


@pytest.mark.parametrize(
    ("made", "kept"),
    [
        (lambda: rows.at_most("a", 1.0, 1.0), True),
        (lambda: rows.at_most("a", 1.1, 1.0), False),
        (lambda: rows.at_least("a", 1.0, 1.0), True),
        (lambda: rows.at_least("a", 0.9, 1.0), False),
        (lambda: rows.row("a", 0.9, "", None), None),
    ],
)
def test_a_row_says_whether_its_bar_is_kept(made, kept, capsys):
    assert made()["kept"] is kept
    assert ("MISSED" in capsys.readouterr().out) == (kept is False)


def test_a_part_measured_again_replaces_only_its_own_figures(tmp_path, monkeypatch):
    file = tmp_path / "twins.json"
    file.write_text(json.dumps({"harm": [rows.row("old", 1.0, "", None)], "curve": [rows.row("kept", 1.0, "", None)]}))
    monkeypatch.setattr(twins, "RESULTS", file)
    monkeypatch.setattr(twins, "measure", lambda part, _options: [rows.at_most(f"new {part}", 2.0, 1.0)])
    monkeypatch.setattr("sys.argv", ["twins", "--parts", "harm"])

    assert twins.main() == 1
    saved = json.loads(file.read_text())
    assert [row["measure"] for row in saved["harm"]] == ["new harm"]
    assert [row["measure"] for row in saved["curve"]] == ["kept"]


def test_the_truths_are_those_of_the_world():
    world = confounded(1, 2_000)
    visits = world.frame.numbers("visits")

    assert twins_truth.truth_of(world, "email") == world.truth("email")
    assert twins_truth.truth_of(world, "email among oncologists") == pytest.approx(1 + 0.5 * 0.75)
    assert twins_truth.truth_of(world, "one more visit") == world.truth("visits")
    assert twins_truth.truth_of(world, "20% more visits") == pytest.approx(
        float(np.mean(0.2 * visits * world.effects["visits"]))
    )
    assert set(twins_truth.QUESTIONS) == {
        "email",
        "email among oncologists",
        "one more visit",
        "20% more visits",
        "three visits each",
    }


def test_two_draws_measure_harm_and_what_is_advised():
    found = twins_truth.harm_rows(2)

    assert found[0]["kept"] is True
    assert 0 <= found[1]["value"] <= 1

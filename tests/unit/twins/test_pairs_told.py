"""What a training says of its twin pairs: nothing where all are alike, else each feature with its difference."""

from __future__ import annotations

import re
from io import StringIO

import pytest
from builders_twins import confounded, twin_spec
from e2i_shared.twins.train import train
from rich.console import Console

from cli import twin_views


def told(pull, **more: object):
    world = confounded(3, 2_000, pull=pull)
    return train(world.source, twin_spec(interventions=["email"], twins=500, **more))


def shown(trained):
    out = Console(file=StringIO(), width=200)
    out.print(twin_views._pairs(trained.figures["matching"]))
    return out.file.getvalue()


@pytest.fixture(scope="module")
def alike():
    return told(1.0)


@pytest.fixture(scope="module")
def unlike():
    return told(6.0, replacement=True)


def test_where_it_is_reachable_every_difference_is_below_a_tenth(alike):
    matching = alike.figures["matching"]["email"]

    assert max(abs(one["before"]) for one in matching["balance"]) > 0.3
    assert all(abs(one["after"]) < 0.1 for one in matching["balance"])
    assert matching["valid"]
    assert alike.metrics["email_worst_smd"] < 0.1
    assert not [warning for warning in alike.warnings if "unlike" in warning]
    assert "yes" in shown(alike)


def test_where_it_is_not_each_feature_is_named_with_its_value(unlike):
    matching = unlike.figures["matching"]["email"]
    (warning,) = [each for each in unlike.warnings if each.startswith("Pairs for 'email' stay unlike")]
    named = dict(re.findall(r"([\w ]+) \(([-+][\d.]+)\)", warning))
    after = {one["feature"]: one["after"] for one in matching["balance"] if abs(one["after"]) >= 0.1}

    assert after
    assert {name.strip(): float(value) for name, value in named.items()} == {n: round(v, 2) for n, v in after.items()}
    assert unlike.metrics["email_worst_smd"] == max(abs(v) for v in after.values())
    assert matching["worst"]["feature"] in after


def test_the_terminal_names_them_too(unlike):
    matching, text = unlike.figures["matching"]["email"], shown(unlike)

    assert f"no: {', '.join(matching['unbalanced'])}" in text
    assert f"{matching['worst']['after']:.4g}" in text


def test_a_twin_from_before_without_a_worst_feature_is_shown_too(alike):
    matching = {"email": {k: v for k, v in alike.figures["matching"]["email"].items() if k != "worst"}}
    out = Console(file=StringIO(), width=200)
    out.print(twin_views._pairs(matching))

    assert "email" in out.file.getvalue()

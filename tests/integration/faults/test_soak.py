"""Many compositions with faults by chance: whatever happens, the invariants hold. The seed is printed."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest
from faulty.soak import draw, soak

if TYPE_CHECKING:
    from faulty.product import Product


def test_the_same_seed_draws_the_same_faults():
    assert draw(7, 20) == draw(7, 20) != draw(8, 20)
    assert {fault["do"] for run in draw(7, 200) for fault in run.faults.values()} >= {"spin", "kill after", "nan"}


def test_a_few_compositions_under_faults_by_chance(product: Product):
    seed = 20261121

    assert soak(product, draw(seed, 5)) == [], f"seed {seed}"


@pytest.mark.statistical
@pytest.mark.timeout(3600)
def test_many_compositions_under_faults_by_chance(product: Product):
    seed = int(os.environ.get("SOAK_SEED", "0")) or random.SystemRandom().randrange(1, 2**31)
    runs = int(os.environ.get("SOAK_RUNS", "120"))
    print(f"seed {seed}, {runs} runs")  # noqa: T201 - to draw the same again

    assert soak(product, draw(seed, runs)) == [], f"seed {seed}: SOAK_SEED={seed} draws it again"

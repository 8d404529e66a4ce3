"""The published studies load and give their published numbers."""

from __future__ import annotations

import numpy as np
import pytest
from e2i_shared.api.datasets import ColumnRole
from e2i_shared.datasets import ingest
from e2i_shared.datasets.examples import load_example

STANDARD = {"sex", "race", "age", "education", "smokeintensity", "smokeyrs", "exercise", "active", "wt71"}


@pytest.fixture
def example(store):
    return lambda name: ingest.load(*load_example(name), store).dataset


def roles(dataset, role):
    return {column.name for column in dataset.columns if column.role is role}


def test_nhefs_has_its_1566_complete_rows_and_the_nine_standard_confounders(example, data):
    dataset = example("nhefs")

    assert dataset.rows == 1_566
    assert roles(dataset, ColumnRole.TREATMENT) == {"qsmk"}
    assert roles(dataset, ColumnRole.OUTCOME) == {"wt82_71"}
    assert roles(dataset, ColumnRole.COVARIATE) == STANDARD
    assert dataset.column("wt82_71").statistics.missing == 0


def test_what_happened_after_quitting_is_no_covariate_of_nhefs(example):
    dataset = example("nhefs")

    for name in ("wt82", "death", "yrdth", "smkintensity82_71", "price82", "hightax82"):
        assert dataset.column(name).role is ColumnRole.IGNORE, name


def test_nhefs_gives_the_crude_difference_of_the_book(example, data):
    example("nhefs")
    frame = data.read("nhefs", ["qsmk", "wt82_71"])
    quit_, weight = frame.numbers("qsmk") == 1, frame.numbers("wt82_71")

    assert quit_.sum() == 403
    assert weight[quit_].mean() - weight[~quit_].mean() == pytest.approx(2.54, abs=0.005)


def test_adjusting_nhefs_by_regression_lands_in_the_published_range(example, data):
    dataset = example("nhefs")
    names = ["qsmk", "wt82_71", *roles(dataset, ColumnRole.COVARIATE)]
    frame = data.read("nhefs", names)
    design = [np.ones(frame.n), frame.numbers("qsmk")]
    for name in STANDARD:
        values = frame.numbers(name)
        if name in ("education", "exercise", "active"):
            design += [values == level for level in np.unique(values)[1:]]
        else:
            design += [values, values**2] if name in ("age", "wt71", "smokeyrs", "smokeintensity") else [values]
    effect = np.linalg.lstsq(np.column_stack(design).astype(float), frame.numbers("wt82_71"), rcond=None)[0][1]

    assert 3.1 <= effect <= 3.6


def test_nsw_is_randomised_and_gives_1794_dollars(example, data):
    dataset = example("nsw")
    frame = data.read("nsw", ["treat", "re78"])
    treated, earned = frame.numbers("treat") == 1, frame.numbers("re78")

    assert dataset.randomised
    assert (treated.sum(), (~treated).sum()) == (185, 260)
    assert earned[treated].mean() - earned[~treated].mean() == pytest.approx(1_794, abs=1)


@pytest.mark.parametrize(
    ("name", "phrase", "column"),
    [
        ("nhefs", "quitting smoking", "qsmk"),
        ("nhefs", "weight", "wt82_71"),
        ("nhefs", "age groups", "age"),
        ("nsw", "training", "treat"),
        ("nsw", "earnings", "re78"),
    ],
)
def test_the_words_of_a_question_are_synonyms_of_one_column(example, name, phrase, column):
    holders = [c.name for c in example(name).columns if phrase in c.synonyms]

    assert holders == [column]

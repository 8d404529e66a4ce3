"""Profiles of large tables: what stays exact, and how near the estimates are."""

from __future__ import annotations

import numpy as np
import pytest
from e2i_shared.api.datasets import ColumnKind
from e2i_shared.datasets import ingest
from e2i_shared.datasets.source import from_bytes
from e2i_shared.datasets.specs import DatasetSpec
from e2i_shared.db import profile
from e2i_shared.db.connection import Database
from e2i_shared.db.loading import PostgresRowStore

ROWS = 260_000


@pytest.fixture(scope="module")
def columns():
    rng = np.random.default_rng(5)
    return {
        "hcp_id": np.char.add("H", rng.integers(0, 40_000, ROWS).astype(str)),
        "region": np.array(["East", "North", "South", "West"])[rng.choice(4, ROWS, p=[0.5, 0.3, 0.19995, 0.00005])],
        "decile": rng.integers(1, 11, ROWS).astype(str),
        "trx": rng.poisson(6, ROWS).astype(str),
        "rate": rng.gamma(2, 3, ROWS).round(5).astype(str),
        "visits": rng.integers(0, 200, ROWS).astype(str),
    }


@pytest.fixture(scope="module")
def large(migrated, columns):
    assert ROWS > profile.EXACT_ROWS
    content = ",".join(columns) + "\n" + "\n".join(map(",".join, zip(*columns.values(), strict=True))) + "\n"
    database = Database(migrated.app)
    dataset = ingest.load(
        DatasetSpec(name="large"), from_bytes(content.encode()), PostgresRowStore(database, migrated.tenant)
    ).dataset
    database.close()
    return dataset


@pytest.mark.parametrize("name", ["trx", "rate", "visits"])
def test_counts_bounds_and_moments_stay_exact(large, columns, name):
    values, said = columns[name].astype(float), large.column(name).statistics

    assert (said.missing, said.minimum, said.maximum) == (0, values.min(), values.max())
    assert said.mean == pytest.approx(values.mean())
    assert said.std == pytest.approx(values.std(ddof=1))


def test_even_a_rare_level_of_a_category_is_listed(large, columns):
    levels, counts = np.unique(columns["region"], return_counts=True)
    region = large.column("region")

    assert region.kind is ColumnKind.CATEGORY
    assert dict(region.statistics.top_values) == dict(zip(levels.tolist(), counts.tolist(), strict=True))
    assert min(counts) < 40


def test_numbers_with_few_values_are_listed_exactly(large, columns):
    said = large.column("decile").statistics

    assert dict(said.top_values)["6"] == (columns["decile"] == "6").sum()
    assert said.distinct == 10


@pytest.mark.parametrize("name", ["trx", "rate", "visits"])
def test_quantiles_are_near(large, columns, name):
    values = columns[name].astype(float)
    exact = np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95])

    np.testing.assert_allclose(large.column(name).statistics.quantiles, exact, atol=0.04 * values.std())


@pytest.mark.parametrize(("name", "tolerance"), [("visits", 0.0), ("hcp_id", 0.1)])
def test_the_number_of_levels_is_estimated_well(large, columns, name, tolerance):
    exact = len(np.unique(columns[name]))

    assert large.column(name).statistics.distinct == pytest.approx(exact, rel=tolerance)
    assert large.column(name).statistics.top_values == []


def test_an_all_missing_and_a_constant_column(migrated):
    database = Database(migrated.app)
    content = b"id,same,never,x\n" + b"1,5,,2\n" * 3
    dataset = ingest.load(
        DatasetSpec(name="flat"), from_bytes(content), PostgresRowStore(database, migrated.tenant)
    ).dataset
    database.close()

    same, never = dataset.column("same").statistics, dataset.column("never").statistics
    assert (same.distinct, same.std, same.mean, same.quantiles) == (1, 0.0, 5.0, [5.0] * 5)
    assert (never.missing, never.distinct, never.mean, never.top_values) == (3, 0, None, [])

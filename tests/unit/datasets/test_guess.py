from __future__ import annotations

import pytest
from e2i_shared.api.datasets import Column, ColumnKind, ColumnRole, ColumnSpec, ColumnStatistics
from e2i_shared.datasets.guess import guess_roles, guess_synonyms, join_synonyms

ROWS = 100


def role(name, kind, distinct=20):
    return guess_roles([name], [kind], [ColumnStatistics(missing=0, distinct=distinct)], ROWS)[0]


@pytest.mark.parametrize(
    ("name", "kind", "distinct", "expected"),
    [
        ("npi", ColumnKind.ID, ROWS, ColumnRole.ID),
        ("hcp_id", ColumnKind.ID, 10, ColumnRole.CLUSTER),
        ("month", ColumnKind.DATE, 12, ColumnRole.TIME),
        ("region", ColumnKind.CATEGORY, 4, ColumnRole.SEGMENT),
        ("comment", ColumnKind.TEXT, 90, ColumnRole.IGNORE),
        ("country", ColumnKind.CATEGORY, 1, ColumnRole.IGNORE),
        ("trx", ColumnKind.INTEGER, 20, ColumnRole.OUTCOME),
        ("net_sales", ColumnKind.NUMBER, 90, ColumnRole.OUTCOME),
        ("rep_visits", ColumnKind.INTEGER, 9, ColumnRole.TREATMENT),
        ("EmailCampaign", ColumnKind.BOOLEAN, 2, ColumnRole.TREATMENT),
        ("trx_baseline", ColumnKind.NUMBER, 90, ColumnRole.COVARIATE),
        ("prior_sales", ColumnKind.NUMBER, 90, ColumnRole.COVARIATE),
        ("target_trx", ColumnKind.NUMBER, 90, ColumnRole.COVARIATE),
        ("decile", ColumnKind.INTEGER, 10, ColumnRole.SEGMENT),
        ("age", ColumnKind.INTEGER, 60, ColumnRole.COVARIATE),
        ("flag", ColumnKind.BOOLEAN, 2, ColumnRole.COVARIATE),
    ],
)
def test_the_role_of_a_column(name, kind, distinct, expected):
    assert role(name, kind, distinct) is expected


def test_at_most_one_time_and_one_cluster_are_guessed():
    few = ColumnStatistics(missing=0, distinct=5)

    found = guess_roles(
        ["hcp_id", "territory_id", "month", "updated"],
        [ColumnKind.ID, ColumnKind.ID, ColumnKind.DATE, ColumnKind.DATETIME],
        [few] * 4,
        ROWS,
    )

    assert found == [ColumnRole.CLUSTER, ColumnRole.ID, ColumnRole.TIME, ColumnRole.IGNORE]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rep_visits", ["rep visits"]),
        ("RepVisits", ["rep visits"]),
        ("visits", []),
        ("wt82_71", []),
        ("trx", ["total prescriptions", "prescriptions", "scripts"]),
        ("nrx_goal", ["nrx goal", "new prescriptions goal"]),
        ("smoke_yrs", ["smoke yrs", "smoke years"]),
    ],
)
def test_what_a_column_may_be_called(name, expected):
    assert guess_synonyms(name) == expected


def before(**said: object):
    return Column(
        name="rep_visits",
        kind=ColumnKind.INTEGER,
        role=ColumnRole.TREATMENT,
        statistics=ColumnStatistics(missing=0, distinct=3),
        **said,
    )


def test_what_the_user_says_comes_first_and_the_words_of_the_name_stay():
    said = ColumnSpec(name="rep_visits", synonyms=["calls", "rep visits"])

    assert join_synonyms("rep_visits", said, before(synonyms=["old"])) == ["calls", "rep visits"]


def test_what_was_said_of_the_version_before_is_kept_when_nothing_is_said_now():
    assert join_synonyms("rep_visits", None, before(synonyms=["calls"])) == ["calls"]
    assert join_synonyms("rep_visits", ColumnSpec(name="rep_visits"), before(synonyms=["calls"])) == ["calls"]


def test_otherwise_synonyms_are_guessed():
    assert join_synonyms("rep_visits", None) == ["rep visits"]

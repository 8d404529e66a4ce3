from __future__ import annotations

import pytest
from builders_composer import column, dataset, datasets, shop
from e2i_shared.composer.lexicon import build_lexicon, nearest_columns, nearest_values, values_of
from e2i_shared.composer.words import key


def monthly():
    return build_lexicon(next(d for d in datasets() if d.name == "hcp_monthly"))


@pytest.mark.parametrize(
    ("phrase", "target"),
    [
        ("rep visits", "rep_visits"),
        ("calls", "rep_visits"),
        ("detailing", "rep_visits"),
        ("TRx", "trx"),
        ("total prescriptions", "trx"),
        ("new prescriptions", "nrx"),
        ("samples", "samples_dropped"),
        ("emails", "email_campaign"),
        ("speaker programmes", "speaker_program"),
        ("specialties", "specialty"),
    ],
)
def test_columns_are_found_by_name_and_synonym(phrase, target):
    (found,) = monthly().exact(key(phrase))
    assert (found.column, found.value) == (target, None)


@pytest.mark.parametrize(
    ("phrase", "where", "value"),
    [
        ("Kisqali", "brand", "Kisqali"),
        ("kisqali", "brand", "Kisqali"),
        ("oncologists", "specialty", "Oncology"),
        ("internal medicine", "specialty", "Internal Medicine"),
        ("north east", "region", "Northeast"),
        ("Midwestern", "region", "Midwest"),
        ("T07", "territory_id", "T07"),
    ],
)
def test_values_are_found_by_their_stems(phrase, where, value):
    (found,) = monthly().exact(key(phrase))
    assert (found.column, found.value) == (where, value)


@pytest.mark.parametrize(
    ("phrase", "value"), [("nrotheast", "Northeast"), ("Kisqalli", "Kisqali"), ("Remibrutnib", "Remibrutinib")]
)
def test_near_spellings_find_the_value(phrase, value):
    assert [t.value for t in monthly().near(key(phrase))] == [value]


@pytest.mark.parametrize("phrase", ["Blorptrix", "youth", "wst", "Zorbimax"])
def test_other_words_are_not_near_anything(phrase):
    assert monthly().near(key(phrase)) == []


def test_a_name_wins_over_a_synonym_of_another_column():
    made = build_lexicon(dataset("d", [column("visits", role="outcome"), column("calls", synonyms=["visits"])]))
    assert [t.column for t in made.exact(key("visits"))] == ["visits"]


def test_a_value_that_two_columns_hold_has_two_targets():
    made = build_lexicon(
        dataset("d", [column("plan", "category", values=["premium"]), column("store", "category", values=["premium"])])
    )
    assert {t.column for t in made.exact(key("premium"))} == {"plan", "store"}


def test_ordinary_words_as_values_and_covariates_are_weak_but_not_as_outcomes():
    made = build_lexicon(
        dataset(
            "d",
            [
                column("size", "category", values=["large", "Kleinstadt"]),
                column("sales", role="outcome"),
                column("target", role="covariate"),
            ],
        )
    )
    assert made.exact(key("large"))[0].weak
    assert not made.exact(key("Kleinstadt"))[0].weak
    assert not made.exact(key("sales"))[0].weak
    assert made.exact(key("target"))[0].weak


def test_single_letters_and_digits_are_not_values_by_which_a_column_is_recognised():
    made = build_lexicon(dataset("d", [column("sex", "category", values=["F", "M", "0", "1"])]))
    assert set(made.names) == {key("sex")}


def test_ignored_columns_are_not_found():
    made = build_lexicon(dataset("d", [column("secret", "category", role="ignore", values=["Zeta"])]))
    assert made.names == {}


def test_a_part_of_a_name_finds_the_column_it_is_a_part_of():
    assert [t.column for t in monthly().partial(key("affinity"))] == ["digital_affinity"]
    assert monthly().partial("xy") == []


def test_values_are_listed_only_of_text_like_columns():
    assert values_of(column("store", "category", values=["b", "a"])) == ["b", "a"]
    assert values_of(column("basket", "number")) == []


def test_nearest_columns_puts_the_wanted_roles_first():
    from e2i_shared.api.datasets import ColumnRole

    named = nearest_columns("baskt", shop())
    assert named[0] == "basket_size"
    assert "order_id" not in named
    assert nearest_columns("discnt", shop(), [ColumnRole.OUTCOME])[0] == "basket_size"


def test_nearest_values_puts_close_spellings_first_then_brands():
    data = next(d for d in datasets() if d.name == "hcp_monthly")
    assert nearest_values("Kisquali", data)[0] == "Kisqali"
    assert nearest_values("Blorptrix", data)[:3] == ["Fabhalta", "Kisqali", "Remibrutinib"]
    assert not set(nearest_values("Blorptrix", data, ["brand"])) & {"Fabhalta", "Kisqali", "Remibrutinib"}

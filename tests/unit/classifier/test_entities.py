from __future__ import annotations

from typing import TYPE_CHECKING

from builders_classifier import MONTHLY, NHEFS, TODAY, column, dataset
from e2i_shared.api.datasets import ColumnKind, ColumnRole
from e2i_shared.classifier.features import extract_features
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from e2i_shared.api.classification import Entity
    from e2i_shared.api.datasets import Dataset


def named(text: str, *catalogue: Dataset) -> dict[str, Entity]:
    return {entity.text: entity for entity in reversed(extract_features(text, catalogue, TODAY).entities)}


def test_the_vocabulary_names_brands_measures_levers_and_places_without_any_data():
    found = named("Did more rep visits raise Kisqali TRx in the Northeast?")

    assert {text: (e.kind, e.canonical) for text, e in found.items()} == {
        "rep visits": ("treatment", "rep_visits"),
        "Kisqali": ("brand", "Kisqali"),
        "TRx": ("kpi", "trx"),
        "Northeast": ("region", "Northeast"),
    }
    assert all(entity.dataset is None for entity in found.values())


def test_a_phrase_of_the_vocabulary_is_bound_to_the_column_and_value_that_hold_it():
    found = named("Did detailing raise scripts among oncologists in the NE region?", MONTHLY)

    assert (found["detailing"].dataset, found["detailing"].column) == ("hcp_monthly", "rep_visits")
    assert found["scripts"].column == "trx"
    assert (found["oncologists"].column, found["oncologists"].value) == ("specialty", "Oncology")
    assert (found["NE region"].column, found["NE region"].value) == ("region", "Northeast")


def test_a_column_is_found_by_its_synonym_and_takes_its_kind_from_its_role():
    found = named("Did quitting smoking change weight?", NHEFS)

    assert (found["quitting smoking"].kind, found["quitting smoking"].column) == ("treatment", "qsmk")
    assert (found["weight"].kind, found["weight"].column) == ("kpi", "wt82_71")


def test_a_column_name_is_found_however_it_is_written():
    for text in ("effect of rep_visits", "effect of Rep-Visits", "effect of REP VISIT"):
        assert [e.column for e in extract_features(text, [MONTHLY], TODAY).entities] == ["rep_visits"]


def test_a_value_of_a_column_is_found_by_its_text():
    found = named("income of the high earner group", NHEFS)

    assert (found["high earner"].kind, found["high earner"].value) == ("value", "high earner")


def test_little_words_are_no_values():
    assert "no" not in named("is there no effect on income", NHEFS)


def test_columns_that_are_to_be_ignored_are_not_found():
    assert "hush money" not in named("what about hush money", MONTHLY)


def test_the_longest_phrase_wins():
    assert "weight change" in named("what drove weight change", NHEFS)
    assert "weight" not in named("what drove weight change", NHEFS)


def test_a_misspelt_name_is_read_and_marked():
    features = extract_features("Why did Kisqalli drop in the Nothreast?", [MONTHLY], TODAY)

    fuzzy = {entity.text: (entity.value, entity.fuzzy) for entity in features.entities}
    assert fuzzy == {"Kisqalli": ("Kisqali", True), "Nothreast": ("Northeast", True)}
    assert features.corrections == {"kisqalli": "kisqali", "nothreast": "northeast"}


def test_a_misspelt_column_of_the_users_own_data_is_read_too():
    own = dataset("orders", [column("fulfilment", ColumnRole.OUTCOME)])

    entity = extract_features("what drives fullfilment", [own], TODAY).entities[0]

    assert (entity.column, entity.fuzzy) == ("fulfilment", True)


def test_a_phrase_that_fits_several_data_sets_names_each_and_the_best_one_first():
    sales = dataset("sales", [column("region", ColumnRole.SEGMENT, ColumnKind.CATEGORY, values=["Northeast"])])

    entities = extract_features("Kisqali TRx in the Northeast", [sales, MONTHLY], TODAY).entities

    assert [(e.dataset, e.value) for e in entities if e.text == "Northeast"] == [
        ("hcp_monthly", "Northeast"),
        ("sales", "Northeast"),
    ]


def test_new_synonyms_are_seen_at_once():
    before = extract_features("effect of zzz", [MONTHLY], TODAY).entities
    columns = [c.model_copy(update={"synonyms": ["zzz"]}) if c.name == "trx" else c for c in MONTHLY.columns]

    after = extract_features("effect of zzz", [MONTHLY.model_copy(update={"columns": columns})], TODAY).entities

    assert before == []
    assert [entity.column for entity in after] == ["trx"]


def test_a_period_is_an_entity_with_its_dates():
    entity = named("TRx in Q3")["Q3"]

    assert (entity.kind, entity.canonical) == ("period", "2026-07-01/2026-10-01")


@given(
    st.lists(
        st.sampled_from(
            ["Kisqali", "TRx", "in", "the", "Northeast", "Q3", "😀", "rep", "visits", "\u200b", "é", "oncolgy", "?"]
        ),
        max_size=25,
    )
)
def test_every_entity_stands_where_it_says(pieces: list[str]):
    text = " ".join(pieces)

    for entity in extract_features(text, [MONTHLY, NHEFS], TODAY).entities:
        assert text[entity.start : entity.end] == entity.text

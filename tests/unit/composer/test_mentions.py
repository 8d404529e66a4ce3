from __future__ import annotations

import pytest
from builders_composer import column, dataset, datasets, shop
from e2i_shared.api.classification import Entity
from e2i_shared.composer.lexicon import build_lexicon
from e2i_shared.composer.mentions import must_bind, read_text
from hypothesis import given
from hypothesis import strategies as st

MONTHLY = None


def monthly():
    global MONTHLY  # noqa: PLW0603 -- built once
    MONTHLY = MONTHLY or build_lexicon(next(d for d in datasets() if d.name == "hcp_monthly"))
    return MONTHLY


def found(text, lexicon=None, entities=()):
    reading = read_text(text, lexicon or monthly(), entities)
    return [(m.phrase, m.column, m.value) for m in reading.mentions]


def test_columns_and_values_are_found_in_order():
    assert found("Did more rep visits raise Kisqali TRx in the Northeast?") == [
        ("rep visits", "rep_visits", None),
        ("Kisqali", "brand", "Kisqali"),
        ("TRx", "trx", None),
        ("Northeast", "region", "Northeast"),
    ]


def test_the_longest_phrase_wins():
    assert found("baseline TRx of prescribers")[0] == ("baseline TRx", "trx_baseline", None)
    assert found("digital engagement by digital preference")[0][1] == "digital_engagement"


def test_a_typing_error_is_bound_and_marked():
    reading = read_text("TRx in the Nrotheast", monthly())
    (where,) = reading.values
    assert (where.value, where.fuzzy) == ("Northeast", True)
    assert reading.unknown == ()


def test_words_of_a_phrase_must_stand_together():
    assert ("rep visits", "rep_visits", None) not in found("rep: visits")
    assert found("North-East TRx")[0] == ("North-East", "region", "Northeast")


def test_unknown_names_are_reported():
    reading = read_text("Did rep visits raise Blorptrix TRx?", monthly())
    assert [t.text for t in reading.unknown] == ["Blorptrix"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Did rep visits raise Blorptrix TRx?", ["Blorptrix"]),
        ("did rep visits raise blorptrix trx", ["blorptrix"]),
        ("Zorbimax TRx in the West", ["Zorbimax"]),
        ("TRx for Zorbimax", ["Zorbimax"]),
        ("TRx in Indiana and Ohio", ["Indiana", "Ohio"]),
        ("what is foo_bar by region", ["foo_bar"]),
        ("rep visits and TRx in the atlantis", ["atlantis"]),
        ("TRx on Mars", ["Mars"]),
        ("did rep visits raise trx on mars last quarter", ["mars"]),
        ("trx at costco", ["costco"]),
        ("trx in new zealand", ["zealand"]),
        ("trx in zorbic gardens", []),
        ("trx in men", []),
        ("trx at random in march", []),
        ("Quantifiably, rep visits raise TRx", []),
        ("did branded TRx rise in the West", []),
        ("incremental TRx from rep visits", []),
        ("rep visits with gusto raise TRx", ["gusto"]),
        ("TRx of people without a degree", ["degree"]),
        ("rep visits gustily raise TRx", []),
    ],
)
def test_names_places_identifiers_and_qualifiers_must_be_bound(text, words):
    assert [t.text for t in must_bind(read_text(text, monthly()))] == words


def test_what_the_classifier_resolved_is_used_where_the_data_set_knows_it():
    entity = Entity(text="KOLs", kind="hcp", canonical="hcp", column="hcp_id", start=4, end=8)
    assert ("KOLs", "hcp_id", None) in found("Do KOLs write TRx", entities=[entity])


def test_the_classifiers_columns_of_other_data_sets_are_not_used():
    entity = Entity(text="copay cards", kind="treatment", canonical="copay_card", column="copay_card", start=0, end=11)
    assert found("copay cards and TRx", entities=[entity]) == [("TRx", "trx", None)]


def test_a_vocabulary_name_without_a_column_is_looked_up_by_its_canonical_form():
    entity = Entity(text="ribociclib", kind="brand", canonical="Kisqali", start=0, end=10)
    assert found("ribociclib TRx", entities=[entity])[0] == ("ribociclib", "brand", "Kisqali")


def test_a_value_of_two_columns_is_settled_by_the_column_beside_it():
    data = dataset(
        "d",
        [
            column("plan_type", "category", values=["premium"]),
            column("store_type", "category", values=["premium"]),
            column("basket", role="outcome"),
        ],
    )
    (_, value) = read_text("basket in store_type premium", build_lexicon(data)).values[0], None
    assert value is None
    mention = read_text("basket in store_type premium", build_lexicon(data)).values[0]
    assert [t.column for t in mention.targets] == ["store_type"]
    assert len(read_text("basket for premium", build_lexicon(data)).values[0].targets) == 2


def test_columns_no_vocabulary_has_seen_are_found_in_a_users_own_data():
    names = found("Did discount raise basket_size in store_type premium?", build_lexicon(shop()))
    assert names == [
        ("discount", "discount", None),
        ("basket_size", "basket_size", None),
        ("store_type", "store_type", None),
        ("premium", "store_type", "premium"),
    ]


@given(st.text(max_size=300))
def test_any_text_can_be_read_and_mentions_never_overlap(text):
    reading = read_text(text, monthly())
    for before, after in zip(reading.mentions, reading.mentions[1:], strict=False):
        assert before.end <= after.start
    for mention in reading.mentions:
        assert text[mention.start : mention.end] == mention.phrase


def test_a_digital_twin_is_no_digital_column():
    asked = found("What would 20% more calls do to Kisqali TRx on the digital twin?")
    named = found("What does digital engagement do to TRx?")

    assert "digital_engagement" not in {column for _, column, _ in asked}
    assert "digital_engagement" in {column for _, column, _ in named}

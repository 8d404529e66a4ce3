from __future__ import annotations

import pytest
from builders_composer import column, dataset, datasets, shop
from e2i_shared.composer.dimensions import default_segments, split_columns
from e2i_shared.composer.lexicon import build_lexicon
from e2i_shared.composer.mentions import read_text

MONTHLY = next(d for d in datasets() if d.name == "hcp_monthly")
LEXICON = build_lexicon(MONTHLY)


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("TRx by region", ["region"]),
        ("TRx by region and specialty", ["region", "specialty"]),
        ("TRx by region, specialty and decile", ["region", "specialty", "decile"]),
        ("TRx per decile", ["decile"]),
        ("which specialties respond", ["specialty"]),
        ("compare the regions", ["region"]),
        ("across all territories", ["territory_id"]),
        ("for each region", ["region"]),
        ("practice size groups and TRx", ["practice_size"]),
        ("TRx by month", ["month"]),
        ("rank the top 5 territories", ["territory_id"]),
        ("did TRx in the region rise", []),
        ("TRx and specialty", []),
    ],
)
def test_a_text_says_what_it_splits_by(text, columns):
    assert [m.column for m in split_columns(read_text(text, LEXICON))] == columns


def test_default_segments_are_the_segment_columns():
    assert default_segments(MONTHLY, {"brand"}) == ["specialty", "decile", "region"]


def test_without_segment_columns_categories_then_numbers_are_used():
    data = dataset(
        "d",
        [
            column("wide", "category", values=[str(i) for i in range(40)]),
            column("plan", "category", values=["a", "b"]),
            column("age", "integer"),
            column("constant", "category", values=["x"]),
        ],
    )
    assert default_segments(data, set()) == ["plan", "age"]


def test_what_is_taken_is_no_segment():
    assert default_segments(shop(), {"store_type"}) == ["loyalty_tier", "visits_last_year"] or default_segments(
        shop(), {"store_type"}
    )[0] in {"discount", "loyalty_tier"}
    assert "store_type" not in default_segments(shop(), {"store_type"})

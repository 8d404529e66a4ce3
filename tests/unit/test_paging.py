from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from e2i_shared.errors import MalformedRequestError
from e2i_shared.ids import new_id
from e2i_shared.paging import Position, decode, encode, moment_of, page
from hypothesis import given
from hypothesis import strategies as st

MOMENT = datetime(2026, 10, 1, 12, 30, 0, 123456, tzinfo=UTC)


@given(st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_a_cursor_comes_back_as_the_position_it_was_made_of(moment, identity):
    position = Position(moment, str(identity))

    assert decode(encode(position)) == position


@given(st.text(max_size=200))
def test_no_text_is_mistaken_for_a_cursor(text):
    with pytest.raises(MalformedRequestError):
        decode(text)


@pytest.mark.parametrize("cursor", ["", "e30", "W10", "WzEsIDJd", "bnVsbA", "\ud800", "é"])
def test_a_cursor_of_another_shape_is_refused(cursor):
    with pytest.raises(MalformedRequestError, match="cursor"):
        decode(cursor)


def test_no_cursor_is_the_start():
    assert decode(None) is None


def test_cursors_are_the_same_in_every_time_zone():
    elsewhere = MOMENT.astimezone(timezone(timedelta(hours=5, minutes=30)))

    assert encode(Position(MOMENT, "x")) == encode(Position(elsewhere, "x"))


@pytest.mark.parametrize(("found", "limit", "more"), [(0, 3, False), (3, 3, False), (4, 3, True), (1, 1, False)])
def test_a_page_has_a_successor_only_when_more_was_found(found, limit, more):
    made = page(list(range(found)), limit, lambda _: Position(MOMENT, new_id()))

    assert made.items == list(range(min(found, limit)))
    assert (made.next_cursor is not None) is more


def test_the_next_page_starts_after_the_last_item_shown():
    made = page(
        [10, 20, 30], 2, lambda n: Position(MOMENT + timedelta(seconds=n), "00000000-0000-7000-8000-000000000001")
    )

    assert decode(made.next_cursor).moment == MOMENT + timedelta(seconds=20)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("2026-10-01T12:30:00.123456Z", MOMENT),
        ("2026-10-01T12:30:00.123456", MOMENT),
        ("2026-10-01T18:00:00.123456+05:30", MOMENT),
        ("2026-10-01", datetime(2026, 10, 1, tzinfo=UTC)),
    ],
)
def test_times_are_read_as_iso_8601_in_utc(text, expected):
    assert moment_of(text, "since") == expected


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "1e9", "\x00"])
def test_what_is_no_time_is_refused_by_field(text):
    with pytest.raises(MalformedRequestError) as refused:
        moment_of(text, "since")

    assert refused.value.field == "since"

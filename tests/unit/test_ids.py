"""Ids sort by the time they were made, and never repeat."""

from __future__ import annotations

import time
from uuid import UUID

from e2i_shared.ids import new_id


def test_an_id_is_a_version_7_uuid_of_now():
    made = UUID(new_id())
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert abs((made.int >> 80) / 1000 - time.time()) < 5


def test_ids_of_later_milliseconds_sort_after_earlier_ones():
    first = new_id()
    time.sleep(0.003)
    assert first < new_id()


def test_ten_thousand_ids_differ():
    assert len({new_id() for _ in range(10_000)}) == 10_000

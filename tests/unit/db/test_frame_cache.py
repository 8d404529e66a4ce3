from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from e2i_shared.datasets.frame import Frame
from e2i_shared.db.frame_cache import FrameCache

ONE, TWO, THREE = Frame(1, {}), Frame(2, {}), Frame(3, {})


def test_what_was_put_is_found_again():
    cache = FrameCache(100)
    cache.put("one", ONE, 10)

    assert cache.get("one") is ONE
    assert cache.get("two") is None


def test_the_least_recently_used_goes_first():
    cache = FrameCache(100)
    cache.put("one", ONE, 40)
    cache.put("two", TWO, 40)
    cache.get("one")
    cache.put("three", THREE, 40)

    assert cache.get("two") is None
    assert cache.get("one") is ONE
    assert cache.get("three") is THREE


def test_putting_a_key_again_replaces_it_and_counts_once():
    cache = FrameCache(100)
    for _ in range(5):
        cache.put("one", ONE, 50)
    cache.put("two", TWO, 50)

    assert cache.get("one") is ONE
    assert cache.get("two") is TWO


def test_a_frame_of_more_than_half_the_budget_is_not_kept():
    cache = FrameCache(100)
    cache.put("one", ONE, 51)

    assert cache.get("one") is None


def test_without_a_budget_nothing_is_kept():
    cache = FrameCache(0)
    cache.put("one", ONE, 1)

    assert cache.get("one") is None


def test_levels_are_kept_up_to_a_number_of_columns():
    cache = FrameCache(0)
    for i in range(600):
        cache.put_levels(i, i)

    assert cache.get_levels(0) is None
    assert cache.get_levels(599) == 599


def test_threads_may_share_a_cache():
    cache = FrameCache(1_000)

    def work(i: int) -> None:
        for k in range(200):
            cache.put((i, k % 7), ONE, 30)
            cache.get((i, k % 5))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))

    assert cache._used == sum(size for _, size in cache._frames.values()) <= 1_000

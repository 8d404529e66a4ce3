"""Health of a data set's feeds: are rows and values there, for every column, feed and period."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from e2i_shared.causal.normal import normal_quantile
from e2i_shared.datasets.frame import Categories, Dates

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from e2i_shared.datasets.frame import FrameColumn
    from e2i_shared.tools._columns import Groups

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]
    Codes = NDArray[np.intp]

WHOLE = "all rows"
_LEAST_EXCESS, _LEAST_DROP, _MOST_FEEDS = 0.05, 0.2, 5


@dataclass(frozen=True, slots=True)
class Feed:
    """The rows (n,) of one source: a level of a segment column, or all rows."""

    column: str | None
    level: str
    rows: Mask

    def name(self) -> str:
        """Return the feed in words."""
        return f"{self.column} = {self.level}" if self.column else WHOLE


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a feed in some periods, as indices; ``observed`` against ``expected`` where it is worst."""

    kind: str
    feed: Feed
    column: str | None
    periods: tuple[int, ...]
    observed: float
    expected: float


def feeds_of(groupings: Sequence[tuple[str, Groups]], n: int) -> list[Feed]:
    """Return the whole and every level of every grouping."""
    whole = Feed(None, WHOLE, np.ones(n, dtype=np.bool_))
    return [whole, *(Feed(name, label, g.codes == i) for name, g in groupings for i, label in enumerate(g.labels))]


def absent(values: FrameColumn) -> Mask:
    """Return which cells (n,) of a column hold nothing."""
    if isinstance(values, Categories):
        return np.asarray(values.codes < 0)
    return np.isnat(values.values) if isinstance(values, Dates) else np.isnan(values.values)


def incomplete(
    missing: dict[str, Mask], feeds: Sequence[Feed], periods: Codes, count: int, *, rate: float
) -> Iterator[Finding]:
    """Yield, column by column, the feeds that lack more values than in their other periods, the worst feed first.

    A cell (feed, period) with x of n missing is reported where x/n exceeds the feed's median share p by 5 percentage points and
    Chernoff's bound on P(X ≥ x), exp(−n·KL(x/n‖p)), is below ``rate`` over the number of cells. Rows of a feed once reported are left out
    before the next is looked for, so that one broken source is not reported under every other cut too.
    """
    cells = max(1, len(feeds) * count * len(missing))
    for column, lost in missing.items():
        if not lost.any():
            continue
        left = periods >= 0
        for _ in range(_MOST_FEEDS):
            found = [f for feed in feeds if (f := _lacking(column, lost, feed, left, periods, count, rate / cells))]
            if not found:
                break
            worst = max(found, key=lambda f: (round(f.observed - f.expected, 6), int(f.feed.rows.sum())))
            yield worst
            left = left & ~(worst.feed.rows & np.isin(periods, worst.periods))


def _lacking(
    column: str, lost: Mask, feed: Feed, left: Mask, periods: Codes, count: int, rate: float
) -> Finding | None:
    held = left & feed.rows
    n = np.bincount(periods[held], minlength=count).astype(np.float64)
    x = np.bincount(periods[held & lost], minlength=count).astype(np.float64)
    known = n > 0
    if not x.any() or not known.any():
        return None
    share = np.divide(x, n, out=np.zeros(count), where=known)
    usual = max(float(np.median(share[known])), 0.5 / float(n.sum()))
    odd = known & (share - usual >= _LEAST_EXCESS) & (_log_tail(share, usual, n) < np.log(rate))
    if not odd.any():
        return None
    worst = int(np.argmax(np.where(odd, share, -1.0)))
    return Finding("completeness", feed, column, tuple(np.flatnonzero(odd).tolist()), float(share[worst]), usual)


def _log_tail(share: Floats, usual: float, n: Floats) -> Floats:
    """Return Chernoff's bound on ln P(X ≥ n·share) for a binomial with probability ``usual``."""
    q = np.clip(share, 1e-12, 1.0 - 1e-12)
    usual = min(usual, 1.0 - 1e-12)
    divergence = q * np.log(q / usual) + (1.0 - q) * np.log((1.0 - q) / (1.0 - usual))
    return np.asarray(np.where(share > usual, -n * divergence, 0.0))


def thin(feeds: Sequence[Feed], periods: Codes, count: int, *, rate: float) -> Iterator[Finding]:
    """Yield feeds with far more or fewer rows in some periods than in most.

    Rows of a period are compared with the feed's median; the spread is the larger of its root and 1.4826 × the median absolute
    deviation. Reported beyond Φ⁻¹(1 − rate/2 cells) spreads and 20% of the median. A feed that all rows share is reported once, as the whole.
    """
    reach = normal_quantile(1.0 - rate / (2.0 * max(1, len(feeds) * count)))
    said: Mask | None = None
    for feed in feeds:
        n = np.bincount(periods[(periods >= 0) & feed.rows], minlength=count).astype(np.float64)
        usual = float(np.median(n))
        spread = max(np.sqrt(usual), 1.4826 * float(np.median(np.abs(n - usual))), 1e-9)
        odd = (np.abs(n - usual) > reach * spread) & (np.abs(n - usual) >= _LEAST_DROP * usual)
        if feed.column is None:
            said = odd
        elif said is not None:
            odd &= ~said
        if odd.any():
            worst = int(np.argmax(np.where(odd, np.abs(n - usual), -1.0)))
            yield Finding("volume", feed, None, tuple(np.flatnonzero(odd).tolist()), float(n[worst]), usual)

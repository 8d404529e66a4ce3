"""The newest frames and levels that a process read, within a budget of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Hashable

    from e2i_shared.datasets.frame import Frame

_LEVELS_KEPT = 512


class FrameCache:
    """Least recently used frames go first; a frame of more than half the budget is not kept at all."""

    def __init__(self, max_bytes: int) -> None:
        self._budget = max_bytes
        self._used = 0
        self._frames: OrderedDict[Hashable, tuple[Frame, int]] = OrderedDict()
        self._levels: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Frame | None:
        """Return a kept frame."""
        with self._lock:
            if key not in self._frames:
                return None
            self._frames.move_to_end(key)
            return self._frames[key][0]

    def put(self, key: Hashable, frame: Frame, size: int) -> None:
        """Keep a frame of ``size`` bytes and let go of the oldest ones beyond the budget."""
        if size > self._budget // 2:
            return
        with self._lock:
            self._used += size - self._frames.pop(key, (None, 0))[1]
            self._frames[key] = (frame, size)
            while self._used > self._budget:
                self._used -= self._frames.popitem(last=False)[1][1]

    def get_levels(self, key: Hashable) -> Any:
        """Return a column's kept levels, or None."""
        with self._lock:
            return self._levels.get(key)

    def put_levels(self, key: Hashable, levels: Any) -> None:
        """Keep a column's levels."""
        with self._lock:
            self._levels[key] = levels
            while len(self._levels) > _LEVELS_KEPT:
                self._levels.popitem(last=False)

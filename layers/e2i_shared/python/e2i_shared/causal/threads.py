"""Native libraries held to one thread: folds run side by side instead, and spinning OpenMP threads slow small fits tenfold."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


@cache
def _controller() -> Any:
    import xgboost  # noqa: F401  -- its OpenMP runtime is found only once loaded
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def one_thread_each() -> AbstractContextManager[Any]:
    """Return a context in which BLAS and, on the calling thread, OpenMP use one thread."""
    limit: AbstractContextManager[Any] = _controller().limit(limits=1)
    return limit

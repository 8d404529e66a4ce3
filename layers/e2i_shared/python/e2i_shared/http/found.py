"""What an address names either exists or is a 404; inside a body the same error stays a 422."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from e2i_shared.errors import NotFoundError, UnknownColumnError, UnknownDatasetError, UnknownToolError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def named_in_path() -> Iterator[None]:
    """Turn an unknown data set, column or tool into NotFoundError, with its candidates."""
    try:
        yield
    except (UnknownColumnError, UnknownDatasetError, UnknownToolError) as error:
        raise NotFoundError(error.message, **error.details()) from error

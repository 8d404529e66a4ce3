"""What is said about a data set beside its rows, and the descriptions shipped for the examples and the sample."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import yaml

from e2i_shared.api.common import Wire
from e2i_shared.api.datasets import ColumnSpec, DatasetName
from e2i_shared.errors import NotFoundError


class DatasetSpec(Wire):
    """A data set's name, what one row stands for, and what is known of its columns.

    With ``ignore_other_columns``, columns not named here get the role ``ignore`` instead of a guessed one.
    """

    name: DatasetName
    unit: str | None = None
    description: str | None = None
    randomised: bool = False
    columns: list[ColumnSpec] = []
    ignore_other_columns: bool = False


@cache
def shipped(name: str) -> DatasetSpec:
    """Return the description shipped in ``examples/<name>.yaml``; raise NotFoundError with the names there are."""
    texts = {
        entry.name.removesuffix(".yaml"): entry for entry in files("e2i_shared.datasets").joinpath("examples").iterdir()
    }
    if name not in texts:
        raise NotFoundError(f"No description of {name!r} ships.", field="name", got=name, candidates=sorted(texts))
    return DatasetSpec.model_validate(yaml.safe_load(texts[name].read_text(encoding="utf-8")))

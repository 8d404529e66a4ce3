"""What is said about a data set beside its rows, and the descriptions shipped for the examples and the sample."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import yaml

from e2i_shared.api.common import Wire
from e2i_shared.api.datasets import ColumnSpec, DatasetName


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
    """Return the description shipped in ``examples/<name>.yaml``."""
    text = files("e2i_shared.datasets").joinpath("examples", f"{name}.yaml").read_text(encoding="utf-8")
    return DatasetSpec.model_validate(yaml.safe_load(text))

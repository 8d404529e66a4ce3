"""Published studies to try the product on, from the ``causaldata`` package, with what is known of their columns."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from e2i_shared.datasets.source import from_bytes
from e2i_shared.datasets.specs import shipped
from e2i_shared.errors import ConfigurationError, NotFoundError

if TYPE_CHECKING:
    from e2i_shared.datasets.source import FileSource
    from e2i_shared.datasets.specs import DatasetSpec

EXAMPLES: Final = {"nhefs": "nhefs_complete", "nsw": "nsw_mixtape"}


def load_example(name: str) -> tuple[DatasetSpec, FileSource]:
    """Return an example's description and its rows as CSV, ready for ``ingest.load``.

    Raises NotFoundError for an unknown name, ConfigurationError where the ``causaldata`` package is not installed.
    """
    if name not in EXAMPLES:
        raise NotFoundError(f"There is no example {name!r}.", field="name", got=name, candidates=sorted(EXAMPLES))
    try:
        module = import_module(f"causaldata.{EXAMPLES[name]}")
    except ImportError as error:
        raise ConfigurationError(
            "The examples need the package causaldata.", field="causaldata", hint="pip install causaldata"
        ) from error
    text = module.load_pandas().data.to_csv(index=False)
    return shipped(name), from_bytes(text.encode(), f"{name}.csv")

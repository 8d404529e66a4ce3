"""What models cost and until when they are offered. Prices are US dollars per million tokens.

The table is configuration: ``prices.json`` beside this module, or the file named by ``E2I_LLM_PRICES``. A model that is not in it
is refused: a call whose cost is unknown cannot be held against a budget.
"""

from __future__ import annotations

import json
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from e2i_shared.errors import ConfigurationError

if TYPE_CHECKING:
    from e2i_shared.llm.model import Usage

PER = 1_000_000
CHARACTERS_PER_TOKEN = 3.0  # on the safe side: English has about four, JSON about three
Price = Annotated[float, Field(ge=0)]


class Model(BaseModel):
    """A model's prices; ``end_of_life`` is the day after which its provider refuses it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: str
    input: Price
    cache_read: Price
    cache_write_short: Price
    cache_write_long: Price
    output: Price
    end_of_life: date | None = None


class PriceTable(BaseModel):
    """A version, and the models by id."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    note: str
    models: dict[str, Model]

    def find(self, model: str) -> Model:
        """Return a model's prices; raise ConfigurationError with the known ones."""
        if model not in self.models:
            raise ConfigurationError(
                f"The price of the model {model!r} is not known, so its cost cannot be held against a budget.",
                field="llm_model",
                got=model,
                candidates=sorted(self.models),
                hint="Name another model, or add it to the price table (E2I_LLM_PRICES).",
            )
        return self.models[model]

    def cost(self, model: str, usage: Usage) -> float:
        """Return what a call cost, USD."""
        price = self.find(model)
        return (
            usage.fresh * price.input
            + usage.cache_read * price.cache_read
            + usage.cache_write_short * price.cache_write_short
            + usage.cache_write_long * price.cache_write_long
            + usage.out * price.output
        ) / PER

    def most(self, model: str, characters: int, max_tokens: int) -> float:
        """Return the most a call can cost, USD: all input written to the dearest cache, all output used."""
        price = self.find(model)
        dearest = max(price.input, price.cache_write_short, price.cache_write_long)
        return (characters / CHARACTERS_PER_TOKEN * dearest + max_tokens * price.output) / PER

    def retiring(self, on: date, days: int = 30) -> list[str]:
        """Return the models that their providers stop offering within so many days of a date, or stopped."""
        return sorted(m for m, p in self.models.items() if p.end_of_life and (p.end_of_life - on).days < days)


@cache
def price_table(path: str | None = None) -> PriceTable:
    """Read the table; raise ConfigurationError that names what is wrong in it."""
    source = Path(path) if path else files("e2i_shared.llm") / "prices.json"
    try:
        return PriceTable.model_validate(json.loads(source.read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError) as error:
        raise ConfigurationError(
            f"The price table cannot be read: {error}", field="E2I_LLM_PRICES", got=str(source)
        ) from error

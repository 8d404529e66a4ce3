"""What an investment is worth by month: discounted gains and costs, net present value, return and break-even."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Plan:
    """Costs ``upfront`` at the start and ``monthly`` at each month's end over ``months``; gains reach full size after ``ramp`` months.

    ``annual_rate`` is the effective discount rate of a year, so that the monthly rate is (1 + annual_rate)^(1/12) − 1.
    """

    upfront: float
    monthly: float
    months: int
    annual_rate: float
    ramp: int = 0

    def discounts(self) -> Floats:
        """Return the present value (months,) of one unit of money at the end of each month: (1 + annual_rate)^(−t/12)."""
        return np.asarray((1.0 + self.annual_rate) ** (-np.arange(1, self.months + 1) / 12.0))

    def pace(self) -> Floats:
        """Return the share (months,) of the full monthly gain: t/(ramp + 1), at most 1."""
        return np.minimum(1.0, np.arange(1, self.months + 1) / (self.ramp + 1))

    def gain_factor(self) -> float:
        """Return the present value of a gain of one unit of money a month."""
        return float(self.discounts() @ self.pace())

    def cost(self) -> float:
        """Return the present value of all costs."""
        return self.upfront + self.monthly * float(self.discounts().sum())

    def npv(self, gain: float) -> float:
        """Return Σ_t (gain·pace_t − monthly)/(1 + r)^t − upfront, in money, for a full ``gain`` a month."""
        return gain * self.gain_factor() - self.cost()

    def cumulative(self, gain: float) -> Floats:
        """Return the discounted balance (months + 1,), the start first."""
        flows = self.discounts() * (gain * self.pace() - self.monthly)
        return np.concatenate([[-self.upfront], -self.upfront + np.cumsum(flows)])

    def breakeven(self, gain: float) -> float | None:
        """Return the months until the discounted balance first reaches 0 and stays there, linear within a month; None if not in time."""
        balance = self.cumulative(gain)
        if balance[-1] < 0:
            return None
        below = np.flatnonzero(balance < 0)
        if not len(below):
            return 0.0
        last = int(below[-1])
        return last + float(-balance[last] / (balance[last + 1] - balance[last]))

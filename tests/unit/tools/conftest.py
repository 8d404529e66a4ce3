from __future__ import annotations

import pytest
from builders_trained import TrialTwins
from e2i_shared.datasets.sample import generate
from e2i_shared.tools._registry import ToolContext


@pytest.fixture(scope="session")
def sample():
    return generate()


@pytest.fixture(scope="session")
def sample_context(sample):
    return ToolContext(sample.source(), twins=TrialTwins())

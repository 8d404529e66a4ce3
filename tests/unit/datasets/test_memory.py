from __future__ import annotations

import numpy as np
import pytest
from e2i_shared.api.common import Filter
from e2i_shared.datasets.describe import describe_frame
from e2i_shared.datasets.frame import Categories, Frame, Numbers
from e2i_shared.datasets.memory import MemoryDataSource
from e2i_shared.datasets.specs import DatasetSpec
from e2i_shared.errors import UnknownColumnError, UnknownDatasetError

FRAME = Frame(
    3,
    {
        "sales": Numbers(np.array([1.0, 2.0, 3.0])),
        "region": Categories(np.array([0, 1, 0], np.int32), ("North", "South")),
    },
)
SOURCE = MemoryDataSource({"shop": (describe_frame(FRAME, DatasetSpec(name="Shop"), dataset_id="id-1"), FRAME)})


@pytest.mark.parametrize("name", ["shop", "Shop", "id-1"])
def test_a_data_set_is_found_by_key_name_and_id(name):
    assert SOURCE.describe(name).name == "Shop"


def test_an_unknown_data_set_is_refused_with_the_nearest_names():
    with pytest.raises(UnknownDatasetError, match="'shp'") as caught:
        SOURCE.describe("shp")

    assert caught.value.candidates == ("Shop",)


def test_reading_gives_the_columns_asked_for_in_their_order():
    frame = SOURCE.read("shop", ["region", "sales"])

    assert list(frame.columns) == ["region", "sales"]
    assert frame.n == 3


def test_a_filter_may_use_a_column_that_is_not_read():
    frame = SOURCE.read("shop", ["sales"], [Filter(column="region", value="North")])

    assert frame.numbers("sales").tolist() == [1.0, 3.0]
    assert list(frame.columns) == ["sales"]


def test_a_filter_that_nothing_passes_gives_an_empty_frame_with_its_columns():
    frame = SOURCE.read("shop", ["region"], [Filter(column="sales", op="gt", value=99)])

    assert frame.n == 0
    assert frame.columns["region"].levels == ("North", "South")


def test_an_unknown_column_is_refused_before_anything_is_read():
    with pytest.raises(UnknownColumnError, match="'profit'"):
        SOURCE.read("shop", ["profit"])

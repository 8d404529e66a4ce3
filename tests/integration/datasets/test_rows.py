"""Reading from Postgres gives what the memory source gives, on the sample and on files made up by hypothesis."""

from __future__ import annotations

import csv
import io
import time

import numpy as np
import pytest
from e2i_shared.api.common import Filter
from e2i_shared.api.datasets import ColumnKind, ColumnSpec
from e2i_shared.datasets import csv_text, ingest
from e2i_shared.datasets.frame import Categories, DataSource, Frame
from e2i_shared.datasets.sample import TABLES, generate
from e2i_shared.datasets.source import from_bytes
from e2i_shared.datasets.specs import DatasetSpec
from e2i_shared.db.connection import Database
from e2i_shared.db.frame_cache import FrameCache
from e2i_shared.db.loading import PostgresRowStore
from e2i_shared.db.rows import PostgresDataSource
from e2i_shared.errors import E2IError, UnknownColumnError, UnknownDatasetError, UnknownValueError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

MONTH = {"column": "month"}
FILTERS = [
    [],
    [Filter(column="brand", value="Kisqali")],
    [Filter(column="brand", op="ne", value="Kisqali"), Filter(column="decile", op="ge", value=9)],
    [Filter(column="region", op="in", value=["West", "Northeast"]), Filter(column="academic", value=True)],
    [Filter(**MONTH, op="between", value=["2026-01-01", "2026-03-01"]), Filter(column="region", value="West")],
    [Filter(**MONTH, value="2026-02-01"), Filter(column="samples_dropped", op="ne", value=3)],
    [Filter(**MONTH, op="gt", value="2026-08-31T23:59:59")],
    [Filter(column="samples_dropped", op="le", value=0)],
    [Filter(column="academic", op="lt", value=True), Filter(column="trx_baseline", op="gt", value=30.5)],
    [Filter(column="hcp_id", op="in", value=["HCP-00001", "HCP-01000"])],
    [Filter(column="decile", op="in", value=[1, 10]), Filter(column="season", op="lt", value=0.96)],
    [Filter(column="trx", op="gt", value=1e9)],
]


@pytest.fixture(scope="module")
def sample():
    return generate()


@pytest.fixture(scope="module")
def loaded(migrated, sample):
    """Load the sample's tables from their CSV text."""
    database = Database(migrated.app)
    store = PostgresRowStore(database, migrated.tenant)
    for name in TABLES:
        content = "".join(csv_text.lines(sample.tables[name], sample.datasets[name])).encode()
        ingest.load(sample.specs[name], from_bytes(content), store)
    yield PostgresDataSource(database, migrated.tenant, FrameCache(0))
    database.close()


def assert_same(left: Frame, right: Frame) -> None:
    assert left.n == right.n
    assert list(left.columns) == list(right.columns)
    for name, column in left.columns.items():
        other = right.columns[name]
        assert type(column) is type(other), name
        if isinstance(column, Categories):
            assert column.levels == other.levels, name
            np.testing.assert_array_equal(column.codes, other.codes, name)
        else:
            np.testing.assert_array_equal(column.values, other.values, name)


@pytest.mark.parametrize("table", TABLES)
def test_each_table_comes_back_as_it_was_in_its_order(loaded, sample, table):
    columns = list(sample.tables[table].columns)

    assert_same(loaded.read(table, columns), sample.source().read(table, columns))


@pytest.mark.parametrize("filters", FILTERS, ids=lambda f: "; ".join(f"{x.column} {x.op}" for x in f) or "none")
def test_each_filter_gives_the_same_rows_as_in_memory(loaded, sample, filters):
    columns = ["hcp_id", "month", "brand", "academic", "trx", "samples_dropped", "trx_baseline"]

    assert_same(loaded.read("hcp_monthly", columns, filters), sample.source().read("hcp_monthly", columns, filters))


@pytest.mark.parametrize("table", TABLES)
def test_the_profile_in_sql_agrees_with_the_one_in_numpy(loaded, sample, table):
    ours, theirs = loaded.describe(table), sample.datasets[table]

    assert (ours.rows, ours.unit, ours.description) == (theirs.rows, theirs.unit, theirs.description)
    for mine, reference in zip(ours.columns, theirs.columns, strict=True):
        assert (mine.name, mine.kind, mine.role, mine.synonyms) == (
            reference.name,
            reference.kind,
            reference.role,
            reference.synonyms,
        )
        said, expected = mine.statistics.model_dump(), reference.statistics.model_dump()
        for field in ("mean", "std"):
            assert (said[field] is None) == (expected[field] is None), (mine.name, field)
        for field in ("mean", "std", "quantiles"):
            found, wanted = said.pop(field), expected.pop(field)
            assert (found or 0) == pytest.approx(wanted or 0, rel=1e-9), (mine.name, field)
        assert said == expected, mine.name


@pytest.mark.parametrize(
    ("error", "columns", "filters"),
    [
        (UnknownColumnError, ["trxx"], []),
        (UnknownColumnError, ["trx"], [Filter(column="regon", value="West")]),
        (UnknownValueError, ["trx"], [Filter(column="region", value="west")]),
        (UnknownValueError, ["trx"], [Filter(column="decile", value=11)]),
        (UnknownValueError, ["trx"], [Filter(column="hcp_id", value="HCP-1")]),
        (UnknownValueError, ["trx"], [Filter(column="month", value="2027-01-01")]),
        (UnknownValueError, ["trx"], [Filter(column="month", op="gt", value="soon")]),
    ],
)
def test_both_sources_refuse_the_same_with_the_same_words(loaded, sample, error, columns, filters):
    def attempt(data: DataSource) -> E2IError:
        with pytest.raises(error) as caught:
            data.read("hcp_monthly", columns, filters)
        return caught.value

    mine, reference = attempt(loaded), attempt(sample.source())

    assert (mine.message, mine.details()) == (reference.message, reference.details())
    assert mine.candidates or mine.hint


def test_an_unknown_data_set_is_refused_with_the_nearest_names(loaded):
    with pytest.raises(UnknownDatasetError) as caught:
        loaded.read("hcp_montly", ["trx"])

    assert "hcp_monthly" in caught.value.candidates


def test_values_are_bound_never_part_of_the_statement(loaded):
    nasty = "West'; DROP TABLE datasets; --"

    with pytest.raises(UnknownValueError, match="DROP TABLE"):
        loaded.read("hcp_monthly", ["trx"], [Filter(column="region", value=nasty)])
    assert loaded.describe("hcp_monthly").rows == 72_000


def test_reading_no_column_still_counts_the_rows(loaded):
    assert loaded.read("hcps", [], [Filter(column="region", value="West")]).n == 200


def test_reading_a_column_twice_gives_it_once(loaded):
    assert list(loaded.read("hcps", ["decile", "decile"]).columns) == ["decile"]


def test_what_was_read_cannot_be_written_to(loaded):
    frame = loaded.read("hcps", ["decile", "region"])

    with pytest.raises(ValueError, match="read-only"):
        frame.numbers("decile")[0] = 99
    with pytest.raises(ValueError, match="read-only"):
        frame.columns["region"].codes[0] = 3


def test_a_second_read_of_the_same_comes_from_the_cache_until_a_new_version(migrated):
    database = Database(migrated.app)
    store = PostgresRowStore(database, migrated.tenant)
    data = PostgresDataSource(database, migrated.tenant, FrameCache(1 << 20))
    ingest.load(DatasetSpec(name="cached"), from_bytes(b"id,trx\n1,2\n"), store)

    first = data.read("cached", ["trx"])
    assert data.read("cached", ["trx"]) is first
    assert data.read("cached", ["trx"], [Filter(column="trx", op="gt", value=5)]).n == 0

    ingest.load(DatasetSpec(name="cached"), from_bytes(b"id,trx\n1,9\n"), store)
    assert data.read("cached", ["trx"]).numbers("trx").tolist() == [9]
    database.close()


def test_a_deleted_data_set_is_gone_even_when_cached(migrated):
    from e2i_shared.db.catalogue import PostgresCatalogue

    database = Database(migrated.app)
    data = PostgresDataSource(database, migrated.tenant, FrameCache(1 << 20))
    ingest.load(DatasetSpec(name="gone"), from_bytes(b"id,trx\n1,2\n"), PostgresRowStore(database, migrated.tenant))
    data.read("gone", ["trx"])

    PostgresCatalogue(database, migrated.tenant).delete("gone")

    with pytest.raises(UnknownDatasetError):
        data.read("gone", ["trx"])
    database.close()


CELLS = st.one_of(st.none(), st.floats(-1e12, 1e12), st.integers(-(10**12), 10**12))
WORDS = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=12).filter(
    lambda text: text.strip() == text
)


@pytest.fixture(scope="module")
def round_trip(migrated):
    database = Database(migrated.app)
    store = PostgresRowStore(database, migrated.tenant)
    data = PostgresDataSource(database, migrated.tenant, FrameCache(0))

    def load_and_read(rows: list[tuple[object, ...]], columns: list[str], kinds: list[ColumnKind]) -> Frame:
        sink = io.StringIO()
        writer = csv.writer(sink, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([["" if cell is None else cell for cell in row] for row in rows])
        spec = DatasetSpec(
            name="round trip", columns=[ColumnSpec(name=n, kind=k) for n, k in zip(columns, kinds, strict=True)]
        )
        ingest.load(spec, from_bytes(sink.getvalue().encode()), store)
        return data.read("round trip", columns)

    yield load_and_read
    database.close()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 9), CELLS, st.one_of(st.none(), WORDS)), min_size=1, max_size=12))
def test_any_numbers_and_texts_come_back_exactly(round_trip, rows):
    frame = round_trip(rows, ["row", "x", "word"], [ColumnKind.INTEGER, ColumnKind.NUMBER, ColumnKind.TEXT])

    assert frame.numbers("row").tolist() == [row for row, _, _ in rows]
    expected = np.array([np.nan if x is None else float(x) for _, x, _ in rows])
    np.testing.assert_array_equal(frame.numbers("x"), expected)
    column = frame.columns["word"]
    assert [column.levels[c] if c >= 0 else None for c in column.codes] == [word for _, _, word in rows]
    assert list(column.levels) == sorted({word for _, _, word in rows if word is not None})


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.dates(), st.one_of(st.none(), st.booleans())), min_size=1, max_size=12))
def test_any_dates_and_truth_values_come_back_exactly(round_trip, rows):
    written = [(day.isoformat(), flag) for day, flag in rows]
    frame = round_trip(written, ["day", "flag"], [ColumnKind.DATE, ColumnKind.BOOLEAN])

    np.testing.assert_array_equal(frame.columns["day"].values, np.array([d for d, _ in rows], "M8[D]").astype("M8[s]"))
    np.testing.assert_array_equal(frame.numbers("flag"), [np.nan if f is None else float(f) for _, f in rows])


@pytest.fixture(scope="module")
def hundred_thousand(migrated):
    """Load 100,000 rows of ten columns: seven numbers, two texts, a date."""
    rng = np.random.default_rng(1)
    n = 100_000
    numbers = [rng.normal(size=n).round(4).astype(str) for _ in range(7)]
    texts = [np.char.add("H", rng.integers(0, 1_000, n).astype(str)), np.array(["N", "S"])[rng.integers(0, 2, n)]]
    days = (np.datetime64("2024-01-01") + rng.integers(0, 700, n)).astype(str)
    columns = [*numbers, *texts, days]
    content = ",".join(f"c{i}" for i in range(10)) + "\n" + "\n".join(map(",".join, zip(*columns, strict=True))) + "\n"
    database = Database(migrated.app)
    ingest.load(DatasetSpec(name="speed"), from_bytes(content.encode()), PostgresRowStore(database, migrated.tenant))
    yield PostgresDataSource(database, migrated.tenant, FrameCache(0)), columns
    database.close()


def test_a_hundred_thousand_rows_of_ten_columns_arrive_within_a_second_on_a_busy_machine(hundred_thousand):
    data, columns = hundred_thousand
    names = [f"c{i}" for i in range(10)]
    frame = data.read("speed", names)
    np.testing.assert_array_equal(frame.numbers("c0"), columns[0].astype(float))

    def once() -> float:
        started = time.perf_counter()
        data.read("speed", names)
        return time.perf_counter() - started

    assert min(once() for _ in range(5)) <= 1.0  # the promise of 0.3 s is measured by benchmarks/csv_load.py

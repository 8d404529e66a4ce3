"""Loading, told without a database: what is joined, retried, kept and refused."""

from __future__ import annotations

import errno
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

import pytest
from e2i_shared.api.datasets import ColumnPatch, ColumnRole, ColumnSpec, LoadRequest
from e2i_shared.datasets import ingest
from e2i_shared.datasets.repository import CellError
from e2i_shared.datasets.source import FileSource, from_bytes
from e2i_shared.datasets.specs import DatasetSpec
from e2i_shared.errors import BadFileError, StorageFullError
from e2i_shared.testing import FakeCatalogue, FakeRows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from e2i_shared.api.datasets import Dataset
    from e2i_shared.datasets.plan import LoadPlan


@pytest.fixture
def catalogue():
    return FakeCatalogue()


@pytest.fixture
def rows(catalogue):
    return FakeRows(catalogue)


def load(store, text, name="shop", **said: object):
    spec = DatasetSpec.model_validate({"name": name, **said})
    return ingest.load(spec, from_bytes(text.encode()), store)


class Watched:
    """A store that counts the attempts and may fail at a step."""

    def __init__(self, store, fail=None) -> None:
        self._store, self._fail, self.plans = store, fail or {}, []

    @contextmanager
    def begin(self, name: str):
        with self._store.begin(name) as table:
            fill, profile, publish = table.fill, table.profile, table.publish

            def filled(plan: LoadPlan, chunks: Iterable[bytes]) -> int:
                self.plans.append(plan)
                self._raise("fill")
                return fill(plan, chunks)

            def profiled(plan: LoadPlan) -> object:
                self._raise("profile")
                return profile(plan)

            def published(dataset: Dataset) -> Dataset:
                self._raise("publish")
                return publish(dataset)

            table.fill, table.profile, table.publish = filled, profiled, published
            yield table

    def _raise(self, step: str) -> None:
        if step in self._fail:
            raise self._fail[step]


def test_a_load_says_what_it_found_and_how_long_it_took(rows):
    change = load(rows, "hcp_id;trx\n1;2\n2;3\n")

    assert (change.dataset.name, change.dataset.rows, change.dataset.version) == ("shop", 2, 1)
    assert change.seconds >= 0
    assert change.details == {"bytes": 19, "converted": False, "delimiter": ";"}


def test_a_clean_file_is_copied_in_one_attempt(rows):
    watched = Watched(rows)
    load(watched, "id,trx\n1,2\n")

    assert [plan.clean for plan in watched.plans] == [True]


def test_a_late_spelling_takes_a_second_attempt_by_way_of_text(rows):
    watched = Watched(rows)
    change = load(watched, "\n".join(["id,trx", *["1,2"] * 2_500, "1,NA"]) + "\n")

    assert [plan.clean for plan in watched.plans] == [True, False]
    assert watched.plans[1].missing == {"NA"}
    assert change.details["converted"] is True
    assert change.dataset.column("trx").statistics.missing == 1


def test_every_attempt_reads_the_file_from_its_beginning(rows):
    opened = []
    content = ("\n".join(["id,trx", *["1,2"] * 2_500, "1,NA", "2,nAn"]) + "\n").encode()
    source = from_bytes(content)

    def reopened() -> BinaryIO:
        opened.append(1)
        return source.open()

    ingest.load(DatasetSpec(name="shop"), FileSource("f", reopened, len(content)), rows)

    assert len(opened) == 4  # the head, and three attempts


def test_a_stray_text_takes_no_second_attempt(rows):
    watched = Watched(rows)

    with pytest.raises(BadFileError, match="'oops' is not a number"):
        load(watched, "\n".join(["id,trx", *["1,2"] * 2_500, "1,oops"]) + "\n")

    assert len(watched.plans) == 1


def test_a_store_that_never_accepts_a_spelling_does_not_loop(rows):
    watched = Watched(rows, {"fill": CellError(1, "NA", line=7)})

    with pytest.raises(BadFileError, match="Line 7, column 'trx': 'NA' is not a number"):
        load(watched, "id,trx\n1,2\n")

    assert len(watched.plans) == 2


def test_a_record_is_turned_into_the_line_it_ends_on(rows):
    watched = Watched(rows, {"profile": CellError(1, "oops", record=2)})

    with pytest.raises(BadFileError) as caught:
        load(watched, 'note,trx\n"a\nb",1\n"c\nd",2\n')

    assert caught.value.line == 5


def test_an_infinite_value_is_refused_as_such(rows):
    watched = Watched(rows, {"profile": CellError(1, "Infinity", record=1, infinite=True)})

    with pytest.raises(BadFileError, match="Line 2, column 'trx': 'Infinity' is not a finite number"):
        load(watched, "id,trx\n1,2\n")


@pytest.mark.parametrize("step", ["fill", "profile", "publish"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_at_any_step_is_said_so_and_keeps_nothing(rows, catalogue, step, number):
    with pytest.raises(StorageFullError, match="nothing was kept") as caught:
        load(Watched(rows, {step: OSError(number, "full")}), "id,trx\n1,2\n")

    assert caught.value.hint == "Free disk space, then load again."
    assert catalogue.all() == []


def test_another_fault_of_the_machine_is_not_called_a_full_disk(rows):
    with pytest.raises(PermissionError):
        load(Watched(rows, {"fill": PermissionError(errno.EACCES, "no")}), "id,trx\n1,2\n")


def test_roles_are_what_is_said_else_what_was_said_else_guessed(rows, catalogue):
    load(rows, "id,x,trx\n1,2,3\n2,4,5\n", columns=[ColumnSpec(name="x", role="treatment")])
    catalogue.patch_column("shop", "trx", ColumnPatch(role=ColumnRole.COVARIATE))

    again = load(rows, "id,x,trx\n1,2,3\n2,4,5\n", columns=[ColumnSpec(name="x", role="segment")]).dataset

    assert {c.name: (c.role.value, c.role_guessed) for c in again.columns} == {
        "id": ("id", True),
        "x": ("segment", False),
        "trx": ("covariate", False),
    }


def test_units_and_descriptions_are_kept_from_the_version_before(rows):
    load(
        rows,
        "id,x\n1,2\n2,3\n",
        unit="person",
        description="First",
        columns=[ColumnSpec(name="x", unit="mg", description="Dose")],
    )

    again = load(rows, "id,x\n1,2\n2,9\n").dataset

    assert (again.unit, again.description) == ("person", "First")
    assert (again.column("x").unit, again.column("x").description) == ("mg", "Dose")


def test_columns_beyond_the_description_are_ignored_where_it_says_so(rows):
    dataset = load(rows, "id,x,trx\n1,2,3\n2,4,5\n", columns=[ColumnSpec(name="x")], ignore_other_columns=True).dataset

    assert dataset.column("trx").role is ColumnRole.IGNORE
    assert dataset.column("x").role is ColumnRole.COVARIATE


def test_warnings_of_the_plan_and_of_the_values_reach_the_catalogue(rows, catalogue):
    long = "\n".join(["id,empty,code", *["1,,7"] * 2_500, "1,,12345678901234567"]) + "\n"
    load(rows, long)

    warnings = catalogue.find("shop").warnings
    assert any("'empty' is empty in the first" in w for w in warnings)
    assert any("'code' holds whole numbers of more than 15 digits" in w for w in warnings)


def test_a_request_becomes_a_spec_without_its_content():
    request = LoadRequest(
        name="shop", content="x", unit="person", description="d", randomised=True, columns=[ColumnSpec(name="x")]
    )

    spec = ingest.spec_of(request)

    assert spec == DatasetSpec(
        name="shop", unit="person", description="d", randomised=True, columns=[ColumnSpec(name="x")]
    )


def test_a_request_is_loaded_in_its_format(rows):
    request = LoadRequest(name="shop", format="parquet", upload_key="k")

    with pytest.raises(BadFileError, match="Parquet"):
        ingest.load_request(request, from_bytes(b"id,trx\n1,2\n"), rows)


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("e2i_shared.datasets.repository", "numpy"),
        ("e2i_shared.datasets.specs", "numpy"),
        ("e2i_shared.datasets.ingest", "pyarrow"),
        ("e2i_shared.datasets.sample", "pandas"),
        ("e2i_shared.datasets.examples", "pandas"),
        ("e2i_shared.datasets.parquet", "pyarrow"),
    ],
)
def test_heavy_libraries_are_imported_only_where_they_are_used(module, heavy):
    code = f"import sys, {module}; sys.exit({heavy!r} in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

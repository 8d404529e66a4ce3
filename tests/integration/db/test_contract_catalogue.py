from __future__ import annotations

import pytest
from builders_db import a_dataset
from e2i_shared.api.common import PageQuery
from e2i_shared.api.datasets import ColumnPatch, ColumnRole
from e2i_shared.errors import MalformedRequestError, UnknownColumnError, UnknownDatasetError


def test_a_data_set_comes_back_by_name_and_by_id_exactly_as_it_was_stored(stores):
    stored = stores.load(a_dataset())

    assert stores.catalogue.find("Visits") == stored
    assert stores.catalogue.find(stored.dataset_id) == stored
    assert stored.columns == a_dataset().columns
    assert (stored.version, stored.rows, stored.warnings) == (1, 100, ["Two cells were blank."])


def test_a_name_is_the_same_whatever_its_case(stores):
    stored = stores.load(a_dataset("Visits"))

    assert stores.catalogue.find("vISITS") == stored
    assert stores.load(a_dataset("VISITS")).dataset_id == stored.dataset_id


def test_a_new_load_is_a_new_version_and_the_old_one_stays_readable(stores):
    first = stores.load(a_dataset(rows=100))
    second = stores.load(a_dataset(rows=200))

    assert (second.dataset_id, second.version) == (first.dataset_id, 2)
    assert stores.catalogue.find("Visits") == second
    assert stores.catalogue.find(first.dataset_id, version=1) == first
    with pytest.raises(UnknownDatasetError):
        stores.catalogue.find("Visits", version=3)


@pytest.mark.parametrize("wanted", ["Vists", "00000000-0000-7000-8000-00000000abcd", "", "x" * 300])
def test_an_unknown_data_set_comes_with_the_nearest_names(stores, wanted):
    stores.load(a_dataset("Visits"))

    with pytest.raises(UnknownDatasetError) as unknown:
        stores.catalogue.find(wanted)

    assert unknown.value.candidates == ("Visits",)


def test_all_returns_the_newest_version_of_each_by_name(stores):
    stores.load(a_dataset("beta"))
    alpha = stores.load(a_dataset("Alpha"))
    beta = stores.load(a_dataset("beta", rows=7))

    assert list(stores.catalogue.all()) == [alpha, beta]


def test_lists_are_newest_first_and_pages_join(stores):
    for number in range(5):
        stores.load(a_dataset(f"set {number}"))
    stores.load(a_dataset("set 0"))

    first = stores.catalogue.list(PageQuery(limit=3))
    second = stores.catalogue.list(PageQuery(limit=3, cursor=first.next_cursor))

    assert [s.name for s in first.items] == ["set 0", "set 4", "set 3"]
    assert [s.name for s in second.items] == ["set 2", "set 1"]
    assert (first.items[0].version, first.items[0].columns, first.items[0].rows) == (2, 3, 100)
    assert second.next_cursor is None


def test_a_foreign_cursor_is_refused(stores):
    with pytest.raises(MalformedRequestError):
        stores.catalogue.list(PageQuery(cursor="?"))


def test_a_patch_changes_what_it_gives_and_nothing_else(stores):
    before = stores.load(a_dataset())

    after = stores.catalogue.patch_column(
        "Visits", "rep_visits", ColumnPatch(role=ColumnRole.COVARIATE, synonyms=["visits"])
    )

    column = after.column("rep_visits")
    assert (column.role, column.role_guessed, column.synonyms) == (ColumnRole.COVARIATE, False, ["visits"])
    assert (column.unit, column.statistics) == ("visits", before.column("rep_visits").statistics)
    assert after.column("region") == before.column("region")
    assert stores.catalogue.find("Visits") == after


def test_an_empty_patch_changes_nothing(stores):
    before = stores.load(a_dataset())

    assert stores.catalogue.patch_column("Visits", "region", ColumnPatch()) == before


def test_a_patch_without_role_leaves_the_guess_a_guess(stores):
    stores.load(a_dataset())

    after = stores.catalogue.patch_column("Visits", "region", ColumnPatch(description="Sales region", unit="name"))

    assert after.column("region").role_guessed
    assert after.column("region").description == "Sales region"


def test_patching_an_unknown_column_names_the_nearest(stores):
    stores.load(a_dataset())

    with pytest.raises(UnknownColumnError) as unknown:
        stores.catalogue.patch_column("Visits", "rep_visit", ColumnPatch(unit="x"))

    assert unknown.value.candidates[0] == "rep_visits"


def test_a_deleted_data_set_is_gone_in_all_its_versions(stores):
    stored = stores.load(a_dataset())
    stores.load(a_dataset())

    stores.catalogue.delete("Visits")

    for wanted in ("Visits", stored.dataset_id):
        with pytest.raises(UnknownDatasetError):
            stores.catalogue.find(wanted)
    assert list(stores.catalogue.all()) == []
    with pytest.raises(UnknownDatasetError):
        stores.catalogue.delete("Visits")


def test_a_name_freed_by_deletion_starts_again_at_version_one(stores):
    old = stores.load(a_dataset())
    stores.catalogue.delete(old.dataset_id)

    new = stores.load(a_dataset())

    assert new.version == 1
    assert new.dataset_id != old.dataset_id


def test_all_sees_every_kind_of_change_at_once(stores):
    stores.load(a_dataset("a"))
    assert len(stores.catalogue.all()) == 1
    stores.load(a_dataset("b"))
    assert [d.name for d in stores.catalogue.all()] == ["a", "b"]
    stores.catalogue.patch_column("a", "region", ColumnPatch(unit="name"))
    assert stores.catalogue.all()[0].column("region").unit == "name"
    stores.load(a_dataset("b", rows=3))
    assert [d.rows for d in stores.catalogue.all()] == [100, 3]
    stores.catalogue.delete("a")
    assert [d.name for d in stores.catalogue.all()] == ["b"]

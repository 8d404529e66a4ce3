"""What is remembered of the catalogue is never older than the last commit."""

from __future__ import annotations

import pytest
from builders_db import a_dataset
from e2i_shared.api.datasets import ColumnPatch
from e2i_shared.db.catalogue import PostgresCatalogue, next_version, save_version
from e2i_shared.db.connection import Database
from e2i_shared.ids import new_id


@pytest.fixture
def tenant():
    return new_id()


@pytest.fixture
def catalogue(database, tenant):
    for name in ("first", "second"):
        with database.transaction(tenant) as connection:
            dataset_id, version = next_version(connection, name)
            save_version(connection, a_dataset(name).model_copy(update={"dataset_id": dataset_id, "version": version}))
    return PostgresCatalogue(database, tenant)


def test_an_unchanged_catalogue_is_not_read_again(catalogue):
    assert catalogue.all() is catalogue.all()


def test_a_change_by_another_process_is_seen(migrated, catalogue, tenant):
    before = catalogue.all()
    other = Database(migrated.app)

    PostgresCatalogue(other, tenant).patch_column("first", "region", ColumnPatch(description="by another"))
    other.close()

    assert before[0].column("region").description is None
    assert catalogue.all()[0].column("region").description == "by another"


def test_a_change_that_began_earlier_but_committed_later_is_seen(migrated, catalogue, tenant):
    slow = Database(migrated.app)
    with slow.transaction(tenant) as connection:
        connection.execute(
            "UPDATE dataset_columns SET unit = 'late' WHERE name = 'region' "
            "AND dataset_id = (SELECT dataset_id FROM datasets WHERE name = 'first')"
        )
        connection.execute("UPDATE datasets SET unit = unit WHERE name = 'first'")
        catalogue.patch_column("second", "region", ColumnPatch(unit="early"))
        assert [d.column("region").unit for d in catalogue.all()] == [None, "early"]
    slow.close()

    assert catalogue.all()[0].column("region").unit == "late"

from __future__ import annotations

import pytest
from e2i_shared.api.datasets import ColumnKind, ColumnSpec
from e2i_shared.datasets.dialect import read_head
from e2i_shared.datasets.infer import looks_like_id, plan_load, words
from e2i_shared.datasets.source import from_bytes
from e2i_shared.errors import BadFileError, UnknownColumnError


def plan(text, *said: ColumnSpec):
    return plan_load(read_head(from_bytes(text.encode())), said)


def kind(cells, name="x"):
    found = plan("\n".join([f"{name},row", *(f"{cell},1" for cell in cells)]) + "\n")
    return found.columns[0].kind


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "2"], ColumnKind.NUMBER),
        (["1.5", "NA", ""], ColumnKind.NUMBER),
        (["-1e5", "2"], ColumnKind.NUMBER),
        (["0", "1"], ColumnKind.NUMBER),
        (["007", "8"], ColumnKind.ID),
        (["0", "0.5"], ColumnKind.NUMBER),
        (["1234567890123456"], ColumnKind.ID),
        (["123456789012345"], ColumnKind.NUMBER),
        (["true", "false"], ColumnKind.BOOLEAN),
        (["Yes", "NO", ""], ColumnKind.BOOLEAN),
        (["t", "f"], ColumnKind.BOOLEAN),
        (["N", "N"], ColumnKind.TEXT),
        (["2026-01-01", "2026-02-01"], ColumnKind.DATE),
        (["2026-01", "2026-02"], ColumnKind.DATE),
        (["2026-01-01 10:00", "2026-02-01"], ColumnKind.DATETIME),
        (["a", "b"], ColumnKind.TEXT),
        (["1", "b"], ColumnKind.TEXT),
        (["", "NA"], ColumnKind.TEXT),
    ],
)
def test_the_kind_of_a_column_from_its_cells(cells, expected):
    assert kind(cells) is expected


@pytest.mark.parametrize(
    "name", ["npi", "NPI", "hcp_id", "hcpId", "HCPID_key", "zip", "zip_code", "Zip", "account key", "id"]
)
def test_names_of_identifiers(name):
    assert looks_like_id(name)
    assert kind(["1", "2"], name) is ColumnKind.ID


@pytest.mark.parametrize("name", ["paid", "trx", "identity_score", "rapid", "keynote", "zipper", "idea"])
def test_names_that_only_look_so(name):
    assert not looks_like_id(name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rep_visits", ["rep", "visits"]),
        ("RepVisits", ["rep", "visits"]),
        ("TRx", ["t", "rx"]),
        ("wt82_71", ["wt82", "71"]),
        ("discontinued_90d", ["discontinued", "90d"]),
        ("  ", []),
    ],
)
def test_the_words_of_a_name(name, expected):
    assert words(name) == expected


def test_fewer_than_one_stray_cell_in_a_hundred_is_refused_with_its_line():
    rows = [f"{i}" for i in range(150)]
    rows[70] = "n.d."

    with pytest.raises(BadFileError, match=r"Line 72, column 'x': 'n\.d\.' is not a number") as caught:
        plan("\n".join(["x,row", *(f"{cell},1" for cell in rows)]) + "\n")

    assert caught.value.line == 72
    assert "declare column 'x' as text" in caught.value.hint


@pytest.mark.parametrize(("strays", "refused"), [(1, True), (2, True), (3, False), (60, False)])
def test_the_share_of_strays_decides_between_refusal_and_text(strays, refused):
    text = "\n".join(["x,row", *("odd,1" if i < strays else f"{i},1" for i in range(200))]) + "\n"

    if refused:
        with pytest.raises(BadFileError):
            plan(text)
    else:
        found = plan(text)
        assert found.columns[0].kind is ColumnKind.TEXT
        assert any("mixes numbers" in warning for warning in found.warnings)


def test_missing_cells_do_not_count_towards_the_share():
    text = "\n".join(["x,row", *("odd,1" if i == 0 else (f"{i},1" if i < 51 else ",1") for i in range(500))]) + "\n"

    assert plan(text).columns[0].kind is ColumnKind.TEXT


def test_one_stray_date_is_refused():
    rows = [*["2026-01-01"] * 199, "soon"]

    with pytest.raises(BadFileError, match="'soon' is not a date"):
        kind(rows)


def test_a_declared_kind_is_not_guessed():
    found = plan("x,y\n1,2\nten,3\n", ColumnSpec(name="x", kind="category"), ColumnSpec(name="y", kind="id"))

    assert [c.kind for c in found.columns] == [ColumnKind.CATEGORY, ColumnKind.ID]
    assert all(c.declared for c in found.columns)


def test_a_declared_column_that_the_file_lacks_is_refused_with_the_nearest():
    with pytest.raises(UnknownColumnError) as caught:
        plan("rep_visits,trx\n1,2\n", ColumnSpec(name="rep_vists"))

    assert caught.value.candidates == ("rep_visits",)


def test_spec_without_a_kind_leaves_the_kind_open():
    assert plan("x,y\n1,2\n", ColumnSpec(name="x", role="treatment")).columns[0].kind is ColumnKind.NUMBER


def test_missing_spellings_are_collected_from_number_and_date_columns_only():
    found = plan("x,day,word\n1,NULL,n/a\nNA,2026-01-01,b\n")

    assert found.missing == {"NA", "NULL"}
    assert any("'word' keeps 'n/a'" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    ("text", "clean", "null"),
    [
        ("x,y\n1,a\n,b\n", True, ""),
        ("x,y\n1,a\nNA,b\n", True, "NA"),
        ("x,y\n1,a\nNA,\n", False, ""),
        ("x,y\n1,a\nNA,b\n.,c\n", False, ""),
        ("x;y\n1,5;a\n2;b\n", False, ""),
        ("x,y\n2026-01,a\n", False, ""),
    ],
)
def test_a_file_is_copied_as_it_is_when_one_spelling_means_missing(text, clean, null):
    found = plan(text)

    assert (found.clean, found.null) == (clean, null)


def test_learning_a_spelling_makes_the_load_go_by_way_of_text():
    found = plan("x,y\n1,a\n2,b\n").cleaned("NA")

    assert not found.clean
    assert found.missing == {"NA"}
    assert found.cleaned("").missing == {"NA"}


@pytest.mark.parametrize(
    ("dates", "order"),
    [(["31/01/2026", "01/02/2026"], "DMY"), (["1/31/2026"], "MDY"), (["2026-01-31"], "MDY"), (["31.01.2026"], "DMY")],
)
def test_the_order_of_day_and_month_of_the_file(dates, order):
    assert plan("\n".join(["day,row", *(f"{d},1" for d in dates)]) + "\n").date_order == order


def test_another_column_can_settle_an_ambiguous_order():
    found = plan("a,b\n03/04/2026,31/01/2026\n")

    assert found.date_order == "DMY"
    assert found.warnings == ()


def test_dates_that_fit_both_orders_are_warned_of():
    assert any("month/day" in warning for warning in plan("a,b\n03/04/2026,1\n").warnings)


def test_dates_of_contradicting_orders_are_refused():
    with pytest.raises(BadFileError, match="day first in 'a' and month first in 'b'"):
        plan("a,b\n31/01/2026,01/31/2026\n")


@pytest.mark.parametrize("cell", ["inf", "-Infinity"])
def test_infinity_is_refused_as_a_number(cell):
    with pytest.raises(BadFileError, match="is not a finite number") as caught:
        plan(f"x,y\n1,2\n{cell},3\n")

    assert caught.value.line == 3


def test_decorated_numbers_are_kept_as_text_with_an_example():
    found = plan('x;y\n"$1,200";2\n"$900";3\n')

    assert found.columns[0].kind is ColumnKind.TEXT
    assert any("'$1,200'" in warning for warning in found.warnings)

"""Files of every shape become data sets, in memory as in Postgres: kinds, missing values, roles, versions."""

from __future__ import annotations

import numpy as np
import pytest
from e2i_shared.api.datasets import ColumnKind, ColumnPatch, ColumnRole, ColumnSpec
from e2i_shared.datasets import ingest
from e2i_shared.datasets.frame import Dates
from e2i_shared.datasets.source import from_bytes
from e2i_shared.datasets.specs import DatasetSpec
from e2i_shared.errors import BadFileError

pytestmark = pytest.mark.parametrize("backend", ["postgres", "memory"], indirect=True)
MANY = 2_600  # rows beyond what inference looks at


def texts(frame, name):
    column = frame.columns[name]
    return [column.levels[code] if code >= 0 else None for code in column.codes]


def numbers(frame, name):
    return [None if np.isnan(v) else v for v in frame.numbers(name).tolist()]


def days(frame, name):
    column = frame.columns[name]
    assert isinstance(column, Dates)
    return [None if np.isnat(v) else str(v) for v in column.values]


def kinds(dataset):
    return {column.name: column.kind.value for column in dataset.columns}


def test_a_plain_file(load, data):
    dataset = load("hcp_id,region,trx,rate,on_label\n007,North,3,0.5,true\n008,South,4,1.25,false\n")

    assert kinds(dataset) == {
        "hcp_id": "id",
        "region": "category",
        "trx": "integer",
        "rate": "number",
        "on_label": "boolean",
    }
    frame = data.read("little", ["hcp_id", "region", "trx", "rate", "on_label"])
    assert texts(frame, "hcp_id") == ["007", "008"]
    assert texts(frame, "region") == ["North", "South"]
    assert numbers(frame, "trx") == [3, 4]
    assert numbers(frame, "rate") == [0.5, 1.25]
    assert numbers(frame, "on_label") == [1, 0]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_each_delimiter_and_line_end(load, data, delimiter, end):
    lines = [
        delimiter.join(row) for row in (["a", "b"], ["x, y; z", "1"] if delimiter == "\t" else ["x", "1"], ["w", "2"])
    ]

    load(end.join(lines) + end, f"delimited {ord(delimiter)}.{len(end)}")

    frame = data.read(f"delimited {ord(delimiter)}.{len(end)}", ["a", "b"])
    assert numbers(frame, "b") == [1, 2]


def test_old_mac_line_ends(load, data):
    load("a,b\r1,x\r2,y\r", "mac")

    assert texts(data.read("mac", ["b"]), "b") == ["x", "y"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_each_certain_encoding(load, data, encoding):
    load("città,n\nZürich,1\n東京,2\n".encode(encoding), f"enc {encoding}")

    frame = data.read(f"enc {encoding}", ["città", "n"])
    assert texts(frame, "città") == ["Zürich", "東京"]


def test_quoted_values_keep_delimiters_quotes_and_line_breaks(load, data):
    load('note,n\n"a, ""b""\nc",1\nplain,2\n', "quoted")

    assert texts(data.read("quoted", ["note"]), "note") == ['a, "b"\nc', "plain"]


def test_blank_lines_at_the_end_are_no_rows(load):
    assert load("a,b\n1,2\n\n\r\n\n", "trailing").rows == 1


def test_a_last_line_without_line_end(load):
    assert load("a,b\n1,2\n3,4", "unended").rows == 2


def test_an_empty_cell_is_missing_and_zero_is_not(load, data):
    dataset = load('id,trx,note\n1,0,\n2,,x\n3,"",""\n', "blanks")

    assert numbers(data.read("blanks", ["trx"]), "trx") == [0, None, None]
    assert texts(data.read("blanks", ["note"]), "note") == [None, "x", None]
    assert dataset.column("trx").statistics.missing == 2


@pytest.mark.parametrize("token", ["NA", "N/A", "null", "NULL", "NaN", "nan", ".", "-", "#N/A"])
def test_each_missing_token_of_a_number_column(load, data, token):
    dataset = load(f"id,trx\n1,5\n2,{token}\n3,7\n", "tokens")

    assert dataset.column("trx").kind is ColumnKind.INTEGER
    assert numbers(data.read("tokens", ["trx"]), "trx") == [5, None, 7]


def test_several_missing_tokens_in_one_file_are_converted(store, data):
    change = ingest.load(
        DatasetSpec(name="several"),
        from_bytes(b"id,trx,day\n1,NA,2026-01-02\n2,.,NULL\n3,,2026-01-04\n4, 8 ,-\n"),
        store,
    )

    frame = data.read("several", ["trx", "day"])
    assert change.details["converted"] is True
    assert numbers(frame, "trx") == [None, None, None, 8]
    assert days(frame, "day") == ["2026-01-02T00:00:00", None, "2026-01-04T00:00:00", None]


@pytest.mark.parametrize("token", ["NA", "NaN", ".", ""])
def test_a_missing_token_far_behind_starts_the_load_again(load, data, token):
    rows = [f"{i},7" for i in range(MANY)]
    dataset = load("\n".join(["id,trx", *rows, f"0,{token}", "0,9"]) + "\n", "late")

    assert dataset.rows == MANY + 2
    assert numbers(data.read("late", ["trx"]), "trx")[-2:] == [None, 9]


def test_two_kinds_of_late_tokens_are_both_learnt(load, data):
    rows = [f"{i},7,x" for i in range(MANY)]
    load("\n".join(["id,trx,region", *rows, "0,NA,NA", "0,n/a,y", "0,NaN,NA"]) + "\n", "learnt")

    frame = data.read("learnt", ["trx", "region"])
    assert numbers(frame, "trx")[-3:] == [None, None, None]
    assert texts(frame, "region")[-3:] == [None, "y", None]


def test_a_token_that_means_missing_in_numbers_means_it_in_text_too(load, data):
    load("region,trx\nNA,1\nEU,NA\n", "everywhere")

    assert texts(data.read("everywhere", ["region"]), "region") == [None, "EU"]


def test_an_empty_text_is_missing_even_when_another_spelling_stands_for_missing(load, data):
    rows = [f"{i or 'NA'},x" for i in range(MANY)]
    load("\n".join(["trx,word", *rows, "1,", "2,y"]) + "\n", "emptied")

    assert texts(data.read("emptied", ["word"]), "word")[-2:] == [None, "y"]
    assert numbers(data.read("emptied", ["trx"]), "trx")[0] is None


def test_text_alone_keeps_its_tokens_with_a_warning(load, data):
    dataset = load("region,trx\nNA,1\nEU,2\n", "namibia")

    assert texts(data.read("namibia", ["region"]), "region") == ["NA", "EU"]
    assert any("'region' keeps 'NA'" in warning for warning in dataset.warnings)


def test_identifiers_stay_text_whatever_their_digits(load, data):
    dataset = load(
        "npi,zip,account_id,veeva,big\n1234567893,02139,18,0001,12345678901234567\n1234567802,10001,19,0002,12345678901234568\n",
        "ids",
    )

    assert set(kinds(dataset).values()) == {"id"}
    frame = data.read("ids", ["zip", "big", "veeva"])
    assert texts(frame, "zip") == ["02139", "10001"]
    assert texts(frame, "big") == ["12345678901234567", "12345678901234568"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-01-31", "2026-01-31T00:00:00"),
        ("2026/1/31", "2026-01-31T00:00:00"),
        ("1/31/2026", "2026-01-31T00:00:00"),
        ("31/01/2026", "2026-01-31T00:00:00"),
        ("31.01.2026", "2026-01-31T00:00:00"),
        ("1/31/26", "2026-01-31T00:00:00"),
        ("31-Jan-2026", "2026-01-31T00:00:00"),
        ("31-Jan-26", "2026-01-31T00:00:00"),
        ("2026-01", "2026-01-01T00:00:00"),
    ],
)
def test_each_way_of_writing_a_date(load, data, written, expected):
    dataset = load(f"id,day\n1,{written}\n2,\n", "dates")

    assert dataset.column("day").kind is ColumnKind.DATE
    assert days(data.read("dates", ["day"]), "day") == [expected, None]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-01-31 13:45", "2026-01-31T13:45:00"),
        ("2026-01-31T13:45:10Z", "2026-01-31T13:45:10"),
        ("2026-01-31T13:45:10.123456+02:00", "2026-01-31T11:45:10"),
        ("1/31/2026 1:45 PM", "2026-01-31T13:45:00"),
    ],
)
def test_each_way_of_writing_a_time(load, data, written, expected):
    dataset = load(f"id,at\n1,{written}\n2,NA\n", "times")

    assert dataset.column("at").kind is ColumnKind.DATETIME
    assert days(data.read("times", ["at"]), "at") == [expected, None]


def test_dates_before_1970_and_far_ahead(load, data):
    load("id,day\n1,1850-03-01\n2,2199-12-31\n", "old dates")

    assert days(data.read("old dates", ["day"]), "day") == ["1850-03-01T00:00:00", "2199-12-31T00:00:00"]


def test_dates_that_fit_both_orders_are_read_month_first_with_a_warning(load, data):
    dataset = load("id,day\n1,03/04/2026\n", "ambiguous")

    assert days(data.read("ambiguous", ["day"]), "day") == ["2026-03-04T00:00:00"]
    assert any("'day'" in w and "month/day" in w for w in dataset.warnings)


@pytest.mark.parametrize("pair", [("true", "false"), ("TRUE", "FALSE"), ("yes", "no"), ("Y", "N"), ("t", "f")])
def test_each_way_of_writing_a_truth_value(load, data, pair):
    dataset = load(f"id,flag\n1,{pair[0]}\n2,{pair[1]}\n3,\n", "flags")

    assert dataset.column("flag").kind is ColumnKind.BOOLEAN
    assert numbers(data.read("flags", ["flag"]), "flag") == [1, 0, None]


@pytest.mark.parametrize(("one", "zero"), [("1", "0"), ("1.0", "0.0")])
def test_a_declared_boolean_takes_one_and_zero(load, data, one, zero):
    dataset = load(
        f"id,flag\n1,{one}\n2,{zero}\n3,NA\n", "declared flags", columns=[ColumnSpec(name="flag", kind="boolean")]
    )

    assert dataset.column("flag").kind is ColumnKind.BOOLEAN
    assert numbers(data.read("declared flags", ["flag"]), "flag") == [1, 0, None]


def test_decimal_commas_of_a_semicolon_file(load, data):
    load("id;price\n1;2,50\n2;3\n3;NA\n", "commas")

    assert numbers(data.read("commas", ["price"]), "price") == [2.5, 3, None]


def test_a_real_mixture_becomes_text_with_a_warning(load):
    rows = [f"{i},{i if i % 3 else 'unknown'}" for i in range(300)]
    dataset = load("\n".join(["id,dose", *rows]) + "\n", "mixture")

    assert dataset.column("dose").kind is ColumnKind.TEXT
    assert any("'dose' mixes numbers (67%)" in warning and "'unknown'" in warning for warning in dataset.warnings)


def test_a_stray_text_loads_when_the_column_is_declared_as_text(load, data):
    rows = [f"{i},7" for i in range(MANY)]
    load("\n".join(["id,trx", *rows, "0,many"]) + "\n", "as text", columns=[ColumnSpec(name="trx", kind="text")])

    assert texts(data.read("as text", ["trx"]), "trx")[-1] == "many"


def test_numbers_with_separators_stay_text_with_a_warning(load):
    dataset = load('id,sales\n1,"$1,200"\n2,"$3,400"\n', "decorated")

    assert dataset.column("sales").kind is ColumnKind.CATEGORY
    assert any("'$1,200'" in warning for warning in dataset.warnings)


def test_a_column_without_values_is_kept_as_text_with_a_warning(load):
    dataset = load("id,nothing\n1,\n2,\n", "hollow")

    assert dataset.column("nothing").role is ColumnRole.IGNORE
    assert dataset.column("nothing").statistics.missing == 2
    assert any("'nothing' is empty" in warning for warning in dataset.warnings)


def test_a_decimal_behind_whole_numbers_makes_the_column_a_number(load):
    rows = [f"{i},7" for i in range(MANY)]
    dataset = load("\n".join(["id,trx", *rows, "0,2.5"]) + "\n", "late decimal")

    assert dataset.column("trx").kind is ColumnKind.NUMBER
    assert dataset.column("trx").statistics.minimum == 2.5


def test_whole_numbers_too_long_for_a_double_are_warned_of(load):
    rows = [f"{i},7" for i in range(MANY)]
    dataset = load("\n".join(["id,code", *rows, "0,12345678901234567"]) + "\n", "too long")

    assert any("'code'" in warning and "15 digits" in warning for warning in dataset.warnings)


def test_column_names_are_data_never_sql(load, data):
    nasty = 'a"; DROP TABLE datasets; --'
    header = '"' + nasty.replace('"', '""') + '",%s,{x},select'
    load(f"{header}\n1,2,3,4\n", "nasty")

    frame = data.read("nasty", [nasty, "%s", "{x}", "select"])
    assert [numbers(frame, name) for name in frame.columns] == [[1], [2], [3], [4]]


def test_a_file_of_one_column(load, data):
    load("trx\n1\n2\n", "single")

    assert numbers(data.read("single", ["trx"]), "trx") == [1, 2]


def test_a_wide_file(load, data):
    names = [f"c{i}" for i in range(700)]
    load(",".join(names) + "\n" + ",".join("3" for _ in names) + "\n", "wide")

    assert numbers(data.read("wide", names[-2:]), "c699") == [3]


def test_roles_synonyms_and_units_that_the_user_names_win(load):
    dataset = load(
        "hcp_id,rep_visits,trx\n1,2,3\n2,3,4\n",
        "said",
        unit="prescriber",
        description="A test",
        randomised=True,
        columns=[ColumnSpec(name="rep_visits", role="covariate", unit="visits", synonyms=["calls"])],
    )

    column = dataset.column("rep_visits")
    assert (column.role, column.role_guessed, column.unit) == (ColumnRole.COVARIATE, False, "visits")
    assert column.synonyms == ["calls", "rep visits"]
    assert dataset.column("trx").role is ColumnRole.OUTCOME
    assert dataset.column("trx").role_guessed
    assert (dataset.unit, dataset.description, dataset.randomised) == ("prescriber", "A test", True)


def test_the_catalogue_returns_what_the_load_returned(load, catalogue):
    dataset = load("hcp_id,rep_visits,trx\n1,2,3\n2,3,4\n", "stored")

    assert catalogue.find("stored") == dataset


def test_the_same_name_again_is_a_new_version_and_the_old_one_stays_readable(load, data, catalogue, tables):
    first = load("id,trx\n1,2\n", "versioned")
    second = load("id,trx,more\n1,3,4\n2,5,6\n", "Versioned")

    assert (first.version, second.version) == (1, 2)
    assert second.dataset_id == first.dataset_id
    assert numbers(data.read("versioned", ["trx"]), "trx") == [3, 5]
    assert catalogue.find("versioned", version=1).rows == 1
    assert len([name for name in tables() if first.dataset_id.replace("-", "") in name]) == 2


def test_a_new_version_keeps_what_was_said_of_its_columns(load, catalogue):
    load("id,x,y\n1,2,3\n2,4,5\n", "kept", unit="person", columns=[ColumnSpec(name="x", role="treatment", unit="mg")])
    catalogue.patch_column("kept", "y", ColumnPatch(role=ColumnRole.OUTCOME, synonyms=["yield"]))

    again = load("id,y,x\n1,3,9\n2,3,8\n", "kept")

    assert (again.column("x").role, again.column("x").unit) == (ColumnRole.TREATMENT, "mg")
    assert (again.column("y").role, again.column("y").synonyms) == (ColumnRole.OUTCOME, ["yield"])
    assert again.unit == "person"


def test_a_failed_new_version_leaves_the_old_one_in_place(load, data, catalogue, tables):
    load("id,trx\n1,2\n", "survivor")
    before = tables()

    with pytest.raises(BadFileError):
        load("\n".join(["id,trx", *(f"{i},7" for i in range(MANY)), "1,bad"]) + "\n", "survivor")

    assert tables() == before
    assert catalogue.find("survivor").version == 1
    assert numbers(data.read("survivor", ["trx"]), "trx") == [2]

from __future__ import annotations

import csv
import io

import numpy as np
from e2i_shared.api.datasets import ColumnSpec
from e2i_shared.datasets import csv_text
from e2i_shared.datasets.describe import describe_frame
from e2i_shared.datasets.frame import Categories, Dates, Frame, Numbers
from e2i_shared.datasets.specs import DatasetSpec
from hypothesis import given
from hypothesis import strategies as st


def written(frame, *said: ColumnSpec):
    return "".join(csv_text.lines(frame, describe_frame(frame, DatasetSpec(name="x", columns=list(said)))))


def test_each_kind_is_written_as_the_loader_reads_it():
    frame = Frame(
        2,
        {
            "n": Numbers(np.array([3.0, np.nan])),
            "rate": Numbers(np.array([0.1, 2.5])),
            "flag": Numbers(np.array([1.0, 0.0])),
            "word": Categories(np.array([0, -1], np.int32), ('a,"b"',)),
            "day": Dates(np.array(["2026-01-02", "NaT"], "M8[s]")),
            "at": Dates(np.array(["2026-01-02T03:04:05", "NaT"], "M8[s]")),
        },
    )

    text = written(
        frame,
        ColumnSpec(name="flag", kind="boolean"),
        ColumnSpec(name="day", kind="date"),
        ColumnSpec(name="at", kind="datetime"),
    )

    assert text.splitlines() == [
        "n,rate,flag,word,day,at",
        '3,0.1,true,"a,""b""",2026-01-02,2026-01-02T03:04:05',
        ",2.5,false,,,",
    ]


def test_writing_to_a_file_gives_the_same_text(tmp_path):
    frame = Frame(1, {"n": Numbers(np.array([1.0]))})
    path = csv_text.write(frame, describe_frame(frame, DatasetSpec(name="x")), tmp_path / "x.csv")

    assert path.read_text() == "n\n1\n"


@given(st.lists(st.floats(-1e150, 1e150), min_size=1, max_size=20))
def test_every_float_survives_the_text(values):
    text = written(Frame(len(values), {"x": Numbers(np.array(values)), "row": Numbers(np.arange(len(values)) * 1.0)}))
    rows = list(csv.DictReader(io.StringIO(text)))

    assert [float(row["x"]) for row in rows] == values


@given(
    st.lists(
        st.text(alphabet=st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1), min_size=1
    )
)
def test_every_text_survives_the_text(words):
    levels = tuple(sorted(set(words)))
    codes = np.array([levels.index(word) for word in words], np.int32)
    rows = list(csv.reader(io.StringIO(written(Frame(len(words), {"w": Categories(codes, levels)})), newline="")))

    assert [row[0] for row in rows[1:]] == words

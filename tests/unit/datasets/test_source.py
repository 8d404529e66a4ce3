from __future__ import annotations

import io

import pytest
from e2i_shared.datasets.source import CHUNK_BYTES, from_bytes, from_path, from_stream
from e2i_shared.errors import BadFileError


@pytest.fixture(params=["bytes", "path", "stream"])
def source(request, tmp_path):
    content = b"abc" * CHUNK_BYTES
    if request.param == "bytes":
        return from_bytes(content)
    if request.param == "stream":
        stream = io.BytesIO(content)
        stream.seek(17)
        return from_stream(stream)
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    return from_path(path)


def test_a_source_gives_its_bytes_from_the_beginning_each_time(source):
    for _ in range(2):
        chunks = list(source.chunks())
        assert b"".join(chunks) == b"abc" * CHUNK_BYTES
        assert max(map(len, chunks)) <= CHUNK_BYTES
    assert source.head(4) == b"abca"
    assert source.size == 3 * CHUNK_BYTES


def test_a_stream_stays_open_for_its_owner():
    stream = io.BytesIO(b"abc")
    source = from_stream(stream)

    with source.open() as opened:
        assert opened.readable()
        assert opened.seekable()
        assert opened.read() == b"abc"
        assert opened.tell() == 3
        assert opened.seek(1) == 1
        assert opened.read(1) == b"b"

    assert not stream.closed


def test_a_path_that_is_not_there_is_refused_by_name(tmp_path):
    with pytest.raises(BadFileError, match=r"missing\.csv cannot be read: No such file") as caught:
        from_path(tmp_path / "missing.csv")

    assert caught.value.got == "missing.csv"


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(BadFileError, match="cannot be read"):
        from_path(tmp_path)

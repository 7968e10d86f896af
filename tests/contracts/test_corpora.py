"""Every corpus reader: whatever the bytes, records or a clear error."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from slmcli.config import CorpusSettings
from slmcli.corpora import READERS
from slmcli.errors import DataError
from slmcli.sources import read_records

OF_FILES = [name for name in READERS.names() if name != "folder"]
# what readers look for, so that random bytes get past the first line
PIECES = (
    b"\n", b"\r\n", b"\t", b",", b'"', b" ", b"{", b"}", b"[", b"]", b":", b'"text":', b'"label":', b'"turns":["a","b"]',
    b'"data":[', b'"paragraphs":[', b'"qas":[', b'"context":"a"', b'"answers":[]', b"null", b"1e9", b"O\n", b"B-PER\n", b"I-",
    b"-DOCSTART-", b"# ", b"1-2\t", b"__label__a ", b"__eou__", b"\xef\xbb\xbf", b"\xff\xfe", b"\x00", b"\xe6\xb0\xb4",
    b"\xf0\x9f\x98\x80", b"\xed\xa0\xbd", b"\xc3", b"PAR1", b"\x1f\x8b\x08", b"BZh9", b"\x28\xb5\x2f\xfd",
)  # fmt: skip
CONTENT = st.lists(st.sampled_from(PIECES) | st.binary(max_size=6), max_size=25).map(b"".join)


@pytest.mark.parametrize("name", OF_FILES)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=CONTENT)
@example(content=b"")
@example(content=b"[" * 100_000)
@example(content=b'{"a":' * 100_000)
@example(content=b'[{"text": "\\ud83d"}]')
def test_any_bytes_make_records_or_a_clear_error(name: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "corpus"
    path.write_bytes(content)
    try:
        records = list(read_records(path, CorpusSettings(format=name)))
    except DataError as error:
        assert str(path) in str(error)
        return
    assert all(record.source == str(path) and record.row > 0 for record in records)
    json.dumps([record.values for record in records], default=str)


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=CONTENT, suffix=st.sampled_from(["", ".txt", ".json", ".jsonl"]))
def test_any_bytes_have_a_format_or_are_refused(content: bytes, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"corpus{suffix}"
    path.write_bytes(content)
    try:
        list(read_records(path, CorpusSettings()))
    except DataError as error:
        assert str(path) in str(error)

"""Elements of JSON arrays, read some characters at a time."""

import io
import json
import re
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slmcli import json_stream
from slmcli.errors import DataError
from slmcli.json_stream import read_elements

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(autouse=True, scope="module")
def small_blocks() -> Iterator[None]:
    """Read five characters at a time, so that everything is cut in two somewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "_BLOCK_CHARACTERS", 5)
        yield


def elements(text: str, key: str | None = None) -> list[object]:
    """Return all elements."""
    return list(read_elements(io.StringIO(text), "teas.json", key=key))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(values=st.lists(VALUES, max_size=4), ascii_only=st.booleans(), indent=st.sampled_from([None, 2]))
def test_every_array_is_read_as_it_was_written(values: list[object], ascii_only: bool, indent: int | None) -> None:
    assert elements(json.dumps(values, ensure_ascii=ascii_only, indent=indent)) == values


@settings(max_examples=300, deadline=None, derandomize=True)
@given(values=st.lists(VALUES, min_size=1, max_size=4), share=st.floats(0, 1))
def test_an_array_that_is_cut_short_is_refused(values: list[object], share: float) -> None:
    text = json.dumps(values)
    with pytest.raises(DataError, match=r"teas\.json:1: not valid JSON"):
        elements(text[: int(share * (len(text) - 1))])


@pytest.mark.parametrize(
    "text",
    ['{"version": 1.5, "names": ["a"], "rows": [{"a": 1}], "more": {}}', '\ufeff [ {"a": 1} ] \n', '{"rows":[{"a":1}]}'],
    ids=["in an object", "byte order mark and spaces", "tight"],
)
def test_the_array_of_objects_is_found(text: str) -> None:
    assert elements(text) == [{"a": 1}]


def test_an_array_is_found_by_its_key() -> None:
    assert elements('{"other": [{"a": 1}], "data": [{"b": 2}]}', "data") == [{"b": 2}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "teas.json:1: not valid JSON (expecting '[': the file is cut short)."),
        ('[{"a": 1},\n]', "teas.json:2: not valid JSON (there is a comma behind the last element)."),
        ('[{"a": 1}]\n[]', "teas.json:2: not valid JSON (there is more text behind the end of the document)."),
        ("[1 2]", "teas.json:1: not valid JSON (expecting ',')."),
        ('[\n\n{"a": }]', "teas.json:3: not valid JSON (Expecting value)."),
        ("[" * 100_000, "teas.json:1: not valid JSON (maximum recursion depth exceeded"),
        ("[" + "1" * 5000 + "]", "teas.json:1: not valid JSON (Exceeds the limit (4300 digits)"),
        ('{"text": "a"}', "teas.json holds no list of objects. It must be"),
        ('{"data": [{"a": 1}], "x": [1, ', "teas.json:1: not valid JSON (Expecting value: the file is cut short)."),
        ('{"data": [{"a": 1}]} {}', "teas.json:1: not valid JSON (there is more text behind the end of the document)."),
        ('{"train": [{"a": 1}], "test": [{"a": 2}]}', "teas.json holds more than one list of objects, 'test' among them."),
    ],
    ids=[
        "empty",
        "comma at the end",
        "two documents",
        "no comma",
        "no value",
        "too deep",
        "too long a number",
        "no list",
        "object cut short",
        "two objects",
        "two lists",
    ],
)
def test_what_is_no_array_is_named_with_its_line(text: str, message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        elements(text)


def test_a_missing_key_is_named() -> None:
    with pytest.raises(DataError, match=re.escape("teas.json has no list 'data'.")):
        elements('{"rows": [{"a": 1}]}', "data")


def test_an_element_without_end_is_not_read_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "_MOST_CHARACTERS", 50)
    with pytest.raises(DataError, match=re.escape("an element begins here that has no end within 50 characters")):
        elements('["' + "x" * 500 + '"]')

"""From corpus files to examples: which reader, which columns, what counts as a label."""

import gzip
import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from slmcli.config import CorpusSettings
from slmcli.corpora import READERS
from slmcli.errors import DataError
from slmcli.fields import LABEL, LABEL_NAMES, TEXT, TEXT_NAMES
from slmcli.reading import Columns, Example, read_examples, sample_corpus

TABLE = "text,label\nwarm soup,good\ncold soup,bad\n"


def examples(*files: Path | str, needs_labels: bool = True, **settings: Any) -> list[Example]:
    """Return the examples of corpus files."""
    return list(read_examples(files, CorpusSettings(**settings), fields=(TEXT, LABEL), needs_targets=needs_labels))


def example(text: str, label: str | None, source: str, row: int) -> Example:
    """Return an example with a text and a label."""
    return Example({"text": text, "label": label}, source, row)


def columns(text: str, label: str | None, *, is_guessed: bool) -> Columns:
    """Return columns of text and label."""
    return Columns({"text": text} | ({"label": label} if label else {}), "|", is_guessed=is_guessed)


def columns_of(file: Path, *, needs_labels: bool = True, **settings: Any) -> Columns:
    """Return the columns that are used."""
    seen: list[Columns] = []
    list(
        read_examples(
            [file],
            CorpusSettings(**settings),
            fields=(TEXT, LABEL),
            needs_targets=needs_labels,
            on_columns=lambda _, found: seen.append(found),
        )
    )
    return seen[0]


def with_names(path: Path, *names: str) -> Path:
    """Write a csv file with one row under these column names."""
    path.write_text(",".join(names) + "\n" + ",".join("x" for _ in names) + "\n")
    return path


def with_row(path: Path, **values: Any) -> Path:
    """Write a JSON Lines file with one row."""
    path.write_text(json.dumps(values) + "\n")
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A table with a warm and a cold soup."""
    path = tmp_path / "soups.csv"
    path.write_text(TABLE)
    return path


@pytest.fixture
def type_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put text on standard input."""
    return lambda text: monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


def test_an_example_has_text_label_file_and_line(file: Path) -> None:
    assert examples(file) == [example("warm soup", "good", str(file), 2), example("cold soup", "bad", str(file), 3)]


def test_files_are_read_one_after_the_other(file: Path, tmp_path: Path) -> None:
    other = with_row(tmp_path / "teas.jsonl", text="mild tea", label="good")
    assert [example.text for example in examples(other, file)] == ["mild tea", "warm soup", "cold soup"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "text,label\nwarm soup,good\n"),
        ("a.tsv", "text\tlabel\nwarm soup\tgood\n"),
        ("a.tab", "text\tlabel\nwarm soup\tgood\n"),
        ("a.jsonl", '{"text": "warm soup", "label": "good"}\n'),
        ("a.ndjson", '{"text": "warm soup", "label": "good"}\n'),
        ("A.CSV", "text,label\nwarm soup,good\n"),
        ("soups.v2.csv", "text,label\nwarm soup,good\n"),
    ],
)
def test_the_suffix_decides_on_the_reader(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    assert [(example.text, example.label) for example in examples(tmp_path / name)] == [("warm soup", "good")]


@pytest.mark.parametrize("name", ["soups.csv.gz", "soups.csv.GZ"], ids=["lower case", "upper case"])
def test_a_compressed_file_is_known_by_the_suffix_before(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(gzip.compress(TABLE.encode()))
    assert [example.label for example in examples(tmp_path / name)] == ["good", "bad"]


def test_a_compressed_file_cut_short_is_named(tmp_path: Path) -> None:
    (tmp_path / "soups.csv.gz").write_bytes(gzip.compress(TABLE.encode())[:-10])
    with pytest.raises(DataError, match=re.escape(f"{tmp_path / 'soups.csv.gz'}: the gzip file is damaged or cut short")):
        examples(tmp_path / "soups.csv.gz")


def test_a_parquet_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "teas.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"text": ["mild tea", None], "label": [1.0, None]}), path)
    assert examples(path) == [example("mild tea", "1", str(path), 1), example("", None, str(path), 2)]


def test_a_folder_is_read_with_its_sub_folders_as_labels(tmp_path: Path) -> None:
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "1.txt").write_text("soft bed")
    assert examples(tmp_path) == [example("soft bed", "good", str(tmp_path / "good" / "1.txt"), 1)]


def test_a_plain_text_file_is_read_where_no_label_is_needed(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("first\n\nthird\n")
    assert [(example.text, example.label) for example in examples(tmp_path / "notes.txt", needs_labels=False)] == [
        ("first", None),
        ("", None),
        ("third", None),
    ]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_the_sample_corpus_is_where_it_is_said_to_be(language: str, split: str) -> None:
    path = sample_corpus("reviews", language, split)
    assert path is not None
    assert path.parts[-2:] == (f"reviews.{language}", f"{split}.jsonl")


def test_stories_have_no_test_split() -> None:
    assert [sample_corpus("stories", "zh", split) is not None for split in ("train", "validation", "test")] == [True, True, False]


def test_a_missing_file_is_refused_with_the_nearest_name(file: Path) -> None:
    missing = file.with_name("soup.csv")
    with pytest.raises(DataError, match=re.escape(f"{missing} does not exist. Did you mean 'soups.csv'?")):
        examples(missing)


@pytest.mark.parametrize("name", ["zzzzzz", "absent/soups.csv", "x" * 300], ids=["nothing near", "no folder", "too long a name"])
def test_a_missing_file_without_a_near_name_is_refused(file: Path, name: str) -> None:
    missing = file.parent / name
    with pytest.raises(DataError, match=re.escape(f"{missing} does not exist. Give the path of a corpus file or folder.")):
        examples(missing)


@pytest.mark.parametrize("name", ["soups.docx", "soups", "soups.folder"], ids=["other", "none", "folder"])
def test_an_unknown_suffix_is_refused_with_the_known_ones(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    known = ", ".join(f".{reader}" for reader in READERS.names() if reader != "folder")
    expected = (
        f"{tmp_path / name}: the format is known neither by its name nor by its content. Pass --format, or give it one of the names {known}, "
        "each also with .gz, .bz2, .xz, .zst."
    )
    with pytest.raises(DataError, match=re.escape(expected)):
        examples(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.csv", ""), ("a.csv", "text,label\n"), ("a.tsv", "\n\n"), ("a.jsonl", "\n"), ("a.txt", "")],
    ids=["csv", "csv with names alone", "tsv", "jsonl", "txt"],
)
def test_a_file_without_rows_is_refused(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=re.escape(f"{tmp_path / name} holds no rows. Give a corpus file with at least one example.")):
        examples(tmp_path / name)


@pytest.mark.parametrize("name", TEXT_NAMES)
def test_a_text_column_is_guessed_from_its_name(tmp_path: Path, name: str) -> None:
    assert columns_of(with_names(tmp_path / "a.csv", "id", name, "label")) == columns(name, "label", is_guessed=True)


@pytest.mark.parametrize("name", LABEL_NAMES)
def test_a_label_column_is_guessed_from_its_name(tmp_path: Path, name: str) -> None:
    assert columns_of(with_names(tmp_path / "a.csv", "id", "text", name)) == columns("text", name, is_guessed=True)


def test_the_case_of_a_name_does_not_matter_for_a_guess(tmp_path: Path) -> None:
    assert columns_of(with_names(tmp_path / "a.csv", "Review", "SENTIMENT")) == columns("Review", "SENTIMENT", is_guessed=True)


def test_of_names_that_differ_in_case_the_first_is_guessed(tmp_path: Path) -> None:
    assert columns_of(with_names(tmp_path / "a.csv", "Text", "text", "label")) == columns("Text", "label", is_guessed=True)


def test_the_most_telling_name_is_guessed(tmp_path: Path) -> None:
    assert columns_of(with_names(tmp_path / "a.csv", "rating", "title", "text", "label")) == columns("text", "label", is_guessed=True)


def test_columns_asked_for_are_not_guessed(tmp_path: Path) -> None:
    path = with_names(tmp_path / "a.csv", "text", "label", "words", "mood")
    assert columns_of(path, text_column="words", label_column="mood") == columns("words", "mood", is_guessed=False)


def test_one_column_asked_for_leaves_the_other_to_a_guess(tmp_path: Path) -> None:
    path = with_names(tmp_path / "a.csv", "words", "label")
    assert columns_of(path, text_column="words") == columns("words", "label", is_guessed=True)


def test_a_missing_label_column_is_no_matter_where_no_label_is_needed(tmp_path: Path) -> None:
    path = with_names(tmp_path / "a.csv", "words")
    assert columns_of(path, text_column="words", needs_labels=False) == columns("words", None, is_guessed=False)


def test_a_column_that_only_later_rows_have_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "mild tea"}\n{"text": "strong tea", "label": "good"}\n')
    assert [example.label for example in examples(path)] == [None, "good"]


@pytest.mark.parametrize(("names", "option"), [(["q", "label"], "--text-column"), (["text", "z"], "--label-column")], ids=["no text", "no label"])
def test_names_that_tell_nothing_are_refused_with_the_option_to_pass(tmp_path: Path, names: list[str], option: str) -> None:
    path = with_names(tmp_path / "a.csv", *names)
    expected = f"{path}: which column to use is not obvious from the names: {', '.join(names)}. Pass {option} NAME."
    with pytest.raises(DataError, match=re.escape(expected)):
        examples(path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"text_column": "txt"}, "has no column 'txt'. Its columns: text, label. Did you mean 'text'? Pass --text-column NAME."),
        ({"label_column": "labels"}, "has no column 'labels'. Its columns: text, label. Did you mean 'label'? Pass --label-column NAME."),
        ({"label_column": "mood"}, "has no column 'mood'. Its columns: text, label. Pass --label-column NAME."),
    ],
    ids=["text", "label", "nothing near"],
)
def test_a_column_that_is_not_there_is_refused_with_the_nearest_name(file: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=re.escape(f"{file} {message}")):
        examples(file, **settings)


def test_a_label_column_asked_for_must_be_there_even_where_no_label_is_needed(file: Path) -> None:
    with pytest.raises(DataError, match=re.escape(f"{file} has no column 'mood'.")):
        examples(file, needs_labels=False, label_column="mood")


def test_one_column_cannot_be_both_text_and_label(file: Path) -> None:
    with pytest.raises(DataError, match=re.escape(f"{file}: text and label are the same column 'text'. Pass another: --label-column NAME.")):
        examples(file, label_column="text")


def test_numbered_columns_are_asked_for_by_number(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("good,warm soup\nbad,cold soup\n")
    assert examples(path, header=False, text_column="2", label_column="1")[0] == example("warm soup", "good", str(path), 1)


@pytest.mark.parametrize(
    ("value", "label"),
    [(1, "1"), (1.0, "1"), ("1", "1"), (" 1 ", "1"), (0, "0"), (-1.0, "-1"), (1.5, "1.5"), (True, "true"), (False, "false")],
    ids=repr,
)
def test_a_label_has_one_spelling_in_all_formats(tmp_path: Path, value: Any, label: str) -> None:
    assert examples(with_row(tmp_path / "a.jsonl", text="mild tea", label=value))[0].label == label


@pytest.mark.parametrize("value", [None, "", "  ", float("nan")], ids=["null", "empty", "spaces", "not a number"])
def test_a_label_without_content_is_none(tmp_path: Path, value: Any) -> None:
    assert examples(with_row(tmp_path / "a.jsonl", text="mild tea", label=value))[0].label is None


@pytest.mark.parametrize("value", [["good"], {"name": "good"}], ids=["list", "object"])
def test_a_label_of_several_parts_is_refused_with_its_line(tmp_path: Path, value: Any) -> None:
    path = with_row(tmp_path / "a.jsonl", text="mild tea", label=value)
    with pytest.raises(DataError, match=re.escape(f"{path}:1: label is {value!r}. A label must be one string or number.")):
        examples(path)


@pytest.mark.parametrize(("value", "text"), [("  mild tea ", "  mild tea "), (7, "7"), (None, ""), (float("nan"), "")], ids=repr)
def test_a_text_stands_as_in_the_file(tmp_path: Path, value: Any, text: str) -> None:
    assert examples(with_row(tmp_path / "a.jsonl", text=value, label="good"))[0].text == text


@pytest.mark.parametrize(("value", "kind"), [(["mild"], "list"), ({"a": "mild"}, "dict")], ids=["list", "object"])
def test_a_text_that_is_no_text_is_refused_with_its_line(tmp_path: Path, value: Any, kind: str) -> None:
    path = with_row(tmp_path / "a.jsonl", text=value, label="good")
    with pytest.raises(DataError, match=re.escape(f"{path}:1: text is {kind}, not text. Correct the row.")):
        examples(path)


def test_plain_lines_of_standard_input_are_texts(type_in: Callable[[str], None]) -> None:
    type_in("first\r\n\nthird")
    assert [(example.text, example.source, example.row) for example in examples("-", needs_labels=False)] == [
        ("first", "standard input", 1),
        ("", "standard input", 2),
        ("third", "standard input", 3),
    ]


def test_objects_on_standard_input_are_read_as_json_lines(type_in: Callable[[str], None]) -> None:
    type_in('{"text": "mild tea", "label": 1}\n{"text": "strong tea", "label": 0}\n')
    assert [(example.text, example.label) for example in examples("-")] == [("mild tea", "1"), ("strong tea", "0")]


def test_an_empty_line_before_objects_on_standard_input_does_not_matter(type_in: Callable[[str], None]) -> None:
    type_in('\n{"text": "warm soup"}\n')
    assert [example.text for example in examples(Path("-"), needs_labels=False)] == ["warm soup"]


def test_empty_lines_between_objects_on_standard_input_are_passed_over(type_in: Callable[[str], None]) -> None:
    type_in('{"text": "mild tea"}\n\n{"text": "strong tea"}\n\n')
    assert [(example.text, example.row) for example in examples("-", needs_labels=False)] == [("mild tea", 1), ("strong tea", 3)]


@pytest.mark.parametrize("line", ["strong tea", '{"text":', "[1]", "7"], ids=["plain", "cut short", "list", "number"])
def test_a_line_that_is_no_object_on_standard_input_is_named(type_in: Callable[[str], None], line: str) -> None:
    type_in('{"text": "mild tea"}\n' + line + "\n")
    with pytest.raises(DataError, match=r"standard input:2: .*Each line must"):
        examples("-", needs_labels=False)


def test_standard_input_without_lines_is_refused(type_in: Callable[[str], None]) -> None:
    type_in("")
    with pytest.raises(DataError, match="holds no rows"):
        examples("-", needs_labels=False)

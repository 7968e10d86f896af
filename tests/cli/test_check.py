"""`slm check`: what it prints, the files it writes, and what it refuses."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from conftest import rows, write_jsonl

ONE_CLASS = [("a", "x"), ("b", "x")]


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "reviews.jsonl", [*rows(), ("<script>alert(1)</script>", "good")])


def test_it_ends_with_3_when_training_is_meaningless(slm: Callable[..., Result], tmp_path: Path) -> None:
    write_jsonl(tmp_path / "one.jsonl", ONE_CLASS)
    result = slm("check", "one.jsonl")
    assert result.exit_code == 3
    assert "only the label 'x'" in result.stdout


def test_a_page_is_written(reviews: Path, slm: Callable[..., Result]) -> None:
    result = slm("check", reviews, "--html", "report.html")
    assert result.exit_code == 0, result.stderr
    page = Path("report.html").read_text(encoding="utf-8")
    assert "reviews.jsonl:97" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script" not in page


def test_a_page_and_a_document_say_the_same(reviews: Path, slm: Callable[..., Result]) -> None:
    slm("check", reviews, "--html", "report.html", "--out", "report.json")
    assert json.loads(Path("report.json").read_text(encoding="utf-8"))["summary"] in Path("report.html").read_text(encoding="utf-8")


def test_a_page_is_written_even_when_training_is_meaningless(slm: Callable[..., Result], tmp_path: Path) -> None:
    write_jsonl(tmp_path / "one.jsonl", ONE_CLASS)
    result = slm("check", "one.jsonl", "--html", "report.html")
    assert result.exit_code == 3
    assert "Not ready to train" in Path("report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("option", ["--html", "--out"])
def test_an_existing_file_is_not_replaced_unasked(option: str, reviews: Path, slm: Callable[..., Result]) -> None:
    Path("report").write_text("mine", encoding="utf-8")
    result = slm("check", reviews, option, "report")
    assert result.exit_code == 2
    assert f"report exists already. Choose another {option}, or pass --overwrite to replace it." in result.stderr
    assert Path("report").read_text(encoding="utf-8") == "mine"


def test_an_existing_file_is_replaced_on_request(reviews: Path, slm: Callable[..., Result]) -> None:
    Path("report.html").write_text("mine", encoding="utf-8")
    assert slm("check", reviews, "--html", "report.html", "--overwrite").exit_code == 0
    assert "<!doctype html>" in Path("report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("option", ["--html", "--out"])
@pytest.mark.parametrize("name", ["reviews.jsonl", "test.jsonl"])
def test_an_input_is_never_replaced(option: str, name: str, reviews: Path, slm: Callable[..., Result]) -> None:
    write_jsonl(Path("test.jsonl"), rows()[:6])
    result = slm("check", reviews, "--test", "test.jsonl", option, name, "--overwrite")
    assert result.exit_code == 2
    assert f"{name} is one of the inputs, or in a folder of them, and is not written. Choose another {option}." in result.stderr


def test_a_file_of_a_folder_of_texts_is_never_replaced(slm: Callable[..., Result], tmp_path: Path) -> None:
    for label in ("good", "bad"):
        (tmp_path / "corpus" / label).mkdir(parents=True)
        (tmp_path / "corpus" / label / "1.txt").write_text(f"{label} soup", encoding="utf-8")
    result = slm("check", "corpus", "--html", "corpus/good/1.txt", "--overwrite")
    assert result.exit_code == 2
    assert "corpus/good/1.txt is one of the inputs" in result.stderr


@pytest.mark.parametrize("option", ["--html", "--out"])
def test_a_directory_that_does_not_exist_is_said_before_anything_is_read(option: str, slm: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "broken.jsonl").write_text("not json\n", encoding="utf-8")
    result = slm("check", "broken.jsonl", option, "absent/report")
    assert result.exit_code == 2
    assert f"absent/report: the directory absent does not exist. Make it, or choose another {option}." in result.stderr


def test_a_file_in_the_place_of_a_directory_is_said(reviews: Path, slm: Callable[..., Result]) -> None:
    result = slm("check", reviews, "--html", "reviews.jsonl/report.html")
    assert result.exit_code == 2
    assert "reviews.jsonl/report.html: a file stands where a directory is needed. Choose another --html." in result.stderr


def test_neither_file_of_a_pair_is_replaced(slm: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "a.en").write_text("Yes\n")
    (tmp_path / "a.zh").write_text("是\n")
    result = slm("check", "a.en,a.zh", "--task", "translation", "--out", "a.zh", "--overwrite")
    assert (result.exit_code, (tmp_path / "a.zh").read_text()) == (2, "是\n")
    assert "a.zh is one of the inputs, or in a folder of them, and is not written. Choose another --out." in result.stderr


def test_nothing_is_written_into_a_folder_that_is_read(slm: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    write_jsonl(tmp_path / "corpus" / "part-1.jsonl", rows())
    result = slm("check", "corpus", "--out", "corpus/report.json")
    assert result.exit_code == 2
    assert "corpus/report.json is one of the inputs, or in a folder of them, and is not written. Choose another --out." in result.stderr


def test_standard_input_is_read_for_one_split_only(slm: Callable[..., Result]) -> None:
    result = slm("check", "-", "--test", "-", text="a\n")
    assert result.exit_code == 2
    assert "standard input (-) is named twice, and can be read once. Name a file in the place of one of them." in result.stderr


def test_a_directory_is_no_place_for_a_page(reviews: Path, slm: Callable[..., Result]) -> None:
    result = slm("check", reviews, "--html", ".", "--overwrite")
    assert result.exit_code == 2
    assert ". is no plain file, and is not replaced. Choose another --html." in result.stderr


def test_one_file_cannot_be_both(reviews: Path, slm: Callable[..., Result]) -> None:
    result = slm("check", reviews, "--html", "report", "--out", "./report")
    assert result.exit_code == 2
    assert "--out and --html name the same file report. Choose two." in result.stderr


def test_nothing_is_left_beside_the_page(reviews: Path, slm: Callable[..., Result]) -> None:
    slm("check", reviews, "--html", "report.html")
    assert sorted(path.name for path in Path().iterdir()) == ["report.html", "reviews.jsonl"]


def test_the_same_corpus_gives_the_same_page(reviews: Path, slm: Callable[..., Result]) -> None:
    slm("check", reviews, "--html", "a.html")
    slm("check", reviews, "--html", "b.html")
    assert Path("a.html").read_bytes() == Path("b.html").read_bytes()

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

TEXT = "the soup was lovely"


def test_a_person_reads_words_weights_and_how_far_to_trust_them(run: Path, slm: Callable[..., Result]) -> None:
    result = slm("explain", run, TEXT, "--label", "good")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("good ")
    assert "the soup was lovely⁺⁺" in result.stdout
    assert "occlusion: 5 texts without some words were looked at." in " ".join(result.stdout.split())
    assert "than in random order: the weights know more than chance." in " ".join(result.stdout.split())


def test_what_changes_the_answer_is_said(run: Path, slm: Callable[..., Result]) -> None:
    result = slm("explain", run, "rude and cold and lovely", "--label", "good")
    assert "predicted: bad" in result.stdout
    assert re.search(r"Without “.*” the answer is good \(good \d", result.stdout)


def test_json_is_one_object_with_every_word(run: Path, slm: Callable[..., Result]) -> None:
    document = json.loads(slm("explain", run, TEXT, "😀 <b>rude</b> host", "--json").stdout)
    assert (document["format_version"], document["method"], document["format"]) == (1, "occlusion", "keras")
    first, second = document["texts"]
    assert [(word["word"], word["start"], word["end"]) for word in first["words"]] == [
        ("the", 0, 3),
        ("soup", 4, 8),
        ("was", 9, 12),
        ("lovely", 13, 19),
    ]
    assert [word["word"] for word in second["words"]] == ["😀", "rude", "host"]
    assert second["text"] == "😀 <b>rude</b> host"


def test_texts_come_from_standard_input(run: Path, slm: Callable[..., Result]) -> None:
    document = json.loads(slm("explain", run, "--input", "-", "--json", text="the soup was warm\r\nour host was rude\r\n").stdout)
    assert [text["text"] for text in document["texts"]] == ["the soup was warm", "our host was rude"]


def test_texts_come_from_a_file(run: Path, slm: Callable[..., Result], corpus: Path) -> None:
    document = json.loads(slm("explain", run, "--input", corpus, "--json", "--no-faithfulness", "--no-counterexample").stdout)
    assert len(document["texts"]) == 96
    assert {text["faithfulness"] for text in document["texts"]} == {None}
    assert {text["counterexample"] for text in document["texts"]} == {None}


@pytest.mark.parametrize("text", ["", " \r\n "], ids=["empty", "space"])
def test_an_empty_text_has_no_weights_and_the_explanation_says_so(text: str, run: Path, slm: Callable[..., Result]) -> None:
    result = slm("explain", run, text)
    assert result.exit_code == 0, result.stderr
    assert "The text holds no word that the model reads; this is what it says of any such text." in " ".join(result.stdout.split())


@pytest.mark.parametrize("text", ["zxqv wvut", "房间不错", "zxqv, was"], ids=["latin", "chinese", "one-known"])
def test_a_text_without_a_known_word_is_said_to_be_one(text: str, run: Path, slm: Callable[..., Result]) -> None:
    result = slm("explain", run, text)
    assert ("The model knows no word of this text" in result.stdout) == ("was" not in text)


def test_neighbours_in_a_long_text_share_a_weight_and_the_explanation_says_so(run: Path, slm: Callable[..., Result]) -> None:
    result = slm("explain", run, "the soup was lovely " * 5, "--max-words", "10")
    assert "The text has 20 words: 2 neighbouring words share a weight" in result.stdout


def test_a_page_is_written_and_never_replaced_unasked(run: Path, slm: Callable[..., Result], tmp_path: Path) -> None:
    assert slm("explain", run, TEXT, "--html", "e.html").exit_code == 0
    page = (tmp_path / "e.html").read_text(encoding="utf-8")
    assert ">lovely<sup>" in page
    again = slm("explain", run, TEXT, "--html", "e.html")
    assert again.exit_code == 2
    assert "e.html exists already. Choose another --html, or pass --overwrite to replace it." in again.stderr
    assert slm("explain", run, TEXT, "--html", "e.html", "--overwrite").exit_code == 0


def test_the_words_of_a_corpus_are_listed_by_label(run: Path, slm: Callable[..., Result], corpus: Path) -> None:
    result = slm("explain", run, "--global", "--data", corpus, "--texts-drawn", "40", "--top", "4", "--html", "g.html")
    assert result.exit_code == 0, result.stderr
    assert "occlusion: 40 of 96 texts explained" in result.stdout
    assert "on average over the texts" in result.stdout


def test_a_run_knows_its_corpus(run: Path, slm: Callable[..., Result]) -> None:
    document = json.loads(slm("explain", run, "--global", "--json").stdout)
    assert (document["split"], document["texts"], document["explained"]) == ("test", 10, 10)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to explain, or too much: give texts as arguments, or --input FILE"),
        (["a text", "--input", "x.txt"], "nothing to explain, or too much"),
        (["a text", "--global"], "--global explains a corpus: pass --data FILE"),
        (["a text", "--data", "x.csv"], "--data and --split are for --global. Pass it too"),
        (["a text", "--label", "god"], "--label god: the model has no such label. It has: bad, good. Did you mean 'good'?"),
        (["a text", "--method", "lyme"], "'lyme' is not one of 'occlusion', 'lime'"),
        (["a text", "--method", "attention"], "which has no attention"),
    ],
)
def test_wrong_usage_ends_with_exit_code_2(arguments: list[str], message: str, run: Path, slm: Callable[..., Result]) -> None:
    result = slm("explain", run, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize("package", ["lime", "shap"])
def test_a_missing_package_is_named_with_the_way_to_get_it(
    package: str, run: Path, slm: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (package, f"{package}.lime_base"):
        monkeypatch.setitem(sys.modules, name, None)
    result = slm("explain", run, TEXT, "--method", package)
    assert result.exit_code == 1
    assert f"--method {package} needs {package}" in result.stderr
    assert "Install it: pip install slmcli[explain]" in result.stderr


def test_recipes_have_a_section_for_it(run: Path, slm: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("explain:\n  texts: [the soup was cold]\n  label: good\n", encoding="utf-8")
    result = slm("explain", run, "--recipe", "r.yaml", "--json")
    assert json.loads(result.stdout)["texts"][0]["explained"] == "good"

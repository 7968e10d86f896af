"""Explanations for models that read two texts together: words of both have weights, and each stands in its own text."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from conftest import BAD, GOOD, THINGS, train_tiny

from slmcli.config import ExplainSettings, PreprocessSettings
from slmcli.errors import ConfigError
from slmcli.explaining import Explaining, open_explaining
from slmcli.important_words import explain_corpus
from slmcli.preprocessing import preprocess
from slmcli.report.explanation_page import render_explanation

BOTH = {"text": "the soup was what?", "text_pair": "it was lovely 😀"}


def pairs() -> list[dict[str, str]]:
    """Return 96 pairs whose second text decides."""
    words = [(word, "good") for word in GOOD] + [(word, "bad") for word in BAD]
    return [{"text": f"{thing} what?", "text_pair": f"it was {word}", "label": label} for thing in THINGS for word, label in words]


@pytest.fixture(scope="module")
def pair_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a model that reads two texts."""
    place = tmp_path_factory.mktemp("pairs")
    (place / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in pairs()), encoding="utf-8")
    preprocess(PreprocessSettings(task="pair", files=[str(place / "pairs.jsonl")], min_frequency=1), place / "dataset", overwrite=False)
    return train_tiny(place / "dataset", place / "run", task="pair", epochs=12)


@pytest.fixture(scope="module")
def explaining(pair_run: Path) -> Explaining:
    return open_explaining(pair_run, ExplainSettings())


@pytest.mark.parametrize(
    "both", [BOTH, {"text": "", "text_pair": "lovely"}, {"text": "a\r\nb", "text_pair": "很好喝，汤"}], ids=["two", "one empty", "odd"]
)
def test_every_word_stands_in_its_text_where_it_says(both: dict[str, str], explaining: Explaining) -> None:
    found = explaining.explain(both)
    assert [both[word["field"]][word["start"] : word["end"]] for word in found["words"]] == [word["word"] for word in found["words"]]
    assert {name: found[name] for name in both} == both


@pytest.mark.parametrize("method", ["occlusion", "lime", "shap"])
def test_the_word_that_decides_has_the_largest_weight(method: str, pair_run: Path) -> None:
    found = open_explaining(pair_run, ExplainSettings(method=method, label="good", samples=200)).explain(BOTH)
    word = max(found["words"], key=lambda each: each["weight"])
    assert (word["word"], word["field"]) == ("lovely", "text_pair")


def test_a_counterexample_says_what_is_left_of_both(explaining: Explaining) -> None:
    found = explaining.explain({"text": "the soup was what?", "text_pair": "lovely rude cold"})["counterexample"]
    assert set(found) == {"removed", "words", "text", "text_pair", "prediction", "value"}


def test_two_empty_texts_hold_no_word(explaining: Explaining) -> None:
    found = explaining.explain({"text": "", "text_pair": " "})
    assert (found["words"], found["faithfulness"]) == ([], None)
    assert found["notes"] == ["The text holds no word that the model reads; this is what it says of any such text."]


def test_words_of_both_count_as_one_length(pair_run: Path) -> None:
    found = open_explaining(pair_run, ExplainSettings(max_words=6)).explain({"text": "the soup " * 3, "text_pair": "it was " * 3})
    assert [word["word"] for word in found["words"]] == ["the soup"] * 3 + ["it was"] * 3
    assert found["notes"][0].startswith("The texts have 12 words: 2 neighbouring words share a weight")


def test_methods_that_follow_tokens_are_refused(pair_run: Path) -> None:
    with pytest.raises(ConfigError, match=r"task pair, which reads 2 texts together, and --method integrated-gradients follows the tokens of one"):
        open_explaining(pair_run, ExplainSettings(method="integrated-gradients"))


def test_a_corpus_of_pairs_has_words_of_both(pair_run: Path) -> None:
    found = explain_corpus(open_explaining(pair_run, ExplainSettings(split="train", faithfulness=False)), pair_run)
    assert found["explained"] > 50
    assert {row["word"] for row in found["labels"]["good"]["for"]} & set(GOOD)


def test_a_page_shows_both(explaining: Explaining) -> None:
    page = render_explanation({"model": "m", "task": "pair", "format": "keras", "method": "occlusion", "source": "s", "seed": 0,
                               "texts": [explaining.explain(BOTH)]}, top=5)  # fmt: skip
    assert page.count('class="explained"') == 2


def document(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_texts_are_taken_by_twos(pair_run: Path, slm: Callable[..., Result]) -> None:
    texts = document(slm("explain", pair_run, *BOTH.values(), "a", "b", "--json"))["texts"]
    assert [(text["text"], text["text_pair"]) for text in texts] == [tuple(BOTH.values()), ("a", "b")]


def test_a_text_without_its_pair_ends_with_exit_code_2(pair_run: Path, slm: Callable[..., Result]) -> None:
    result = slm("explain", pair_run, "a", "b", "c")
    assert result.exit_code == 2
    assert "task pair reads 2 texts together (text, text_pair), and 3 were given. Give 2 for each answer." in result.stderr


def test_pairs_come_from_the_columns_of_a_file(pair_run: Path, slm: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("premise,hypothesis\r\nthe soup was what?,it was lovely\r\n", encoding="utf-8")
    (text,) = document(slm("explain", pair_run, "--input", "p.csv", "--json"))["texts"]
    assert (text["text"], text["text_pair"]) == ("the soup was what?", "it was lovely")


def test_a_person_reads_both_texts_with_their_signs(pair_run: Path, slm: Callable[..., Result]) -> None:
    result = slm("explain", pair_run, *BOTH.values(), "--label", "good")
    assert "it was lovely⁺⁺" in result.stdout
    assert "│ of " in result.stdout.replace("┃", "│")
    assert "text_pair" in result.stdout

"""Words that led a model into its mistakes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from slmcli.bundle import open_bundle
from slmcli.explained_mistakes import explain_mistakes
from slmcli.predictor import Input


def ask(texts: Sequence[Input]) -> np.ndarray:
    """Say that a text is good as far as it holds `kind`."""
    good = np.array([0.9 if "kind" in text else 0.2 for text in texts], np.float32)
    return np.stack([1.0 - good, good], axis=1)


def mistake(text: str) -> dict[str, object]:
    return {"source": "a.csv", "row": 1, "text": text, "reference": "bad", "predicted": "good", "probability": 0.9}


def test_words_have_weights_for_what_was_predicted(run: Path) -> None:
    (found,) = explain_mistakes([mistake("our host was kind")], open_bundle(run), ask)
    assert found["explained"] == "good"
    assert [(word["word"], round(word["weight"], 3)) for word in found["words"]] == [("our", 0.0), ("host", 0.0), ("was", 0.0), ("kind", 0.7)]
    assert [found["text"][word["start"] : word["end"]] for word in found["words"]] == ["our", "host", "was", "kind"]


def test_only_what_a_report_shows_at_once_is_explained(run: Path) -> None:
    found = explain_mistakes([mistake("our host was kind")] * 10, open_bundle(run), ask)
    assert ["words" in each for each in found] == [True] * 8 + [False] * 2


def test_a_text_without_a_word_stays_as_it_is(run: Path) -> None:
    assert explain_mistakes([mistake("")], open_bundle(run), ask) == [mistake("")]


def test_neighbouring_words_of_a_long_text_share_a_weight(run: Path) -> None:
    asked: list[int] = []

    def count(texts: Sequence[Input]) -> np.ndarray:
        asked.append(len(texts))
        return ask(texts)

    (found,) = explain_mistakes([mistake("our host was kind " * 250)], open_bundle(run), count)
    assert len(found["words"]) == 200
    assert max(asked) == 201

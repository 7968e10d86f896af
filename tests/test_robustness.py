"""What perturbations cost a model: before and after on the same texts, and whether answers follow."""

import importlib.util
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slmcli.dataset import open_dataset
from slmcli.errors import ConfigError
from slmcli.perturbations import PERTURBATIONS
from slmcli.predictor import open_predictor
from slmcli.reading import Example
from slmcli.robustness import measure_robustness
from slmcli.tasks.classification import Pair, Sentiment, Topic
from slmcli.tasks.multilabel import Multilabel
from slmcli.tasks.numbers import Score

PRAISE = ("The soup was good, I loved it.", "My tea was lovely.", "This film is great.", "The room was clean.", "The song is fun.", "It was tasty.")
BLAME = ("The soup was bad, I hated it.", "My tea was awful.", "This film is dull.", "The room was filthy.", "The song is boring.", "It was cold.")
REVIEWS = [*((text, "good") for text in PRAISE), *((text, "bad") for text in BLAME)]


def examples(rows: Sequence[tuple[str, Any]], *, target: str = "label") -> list[Example]:
    return [Example({"text": text, target: value}, "test", row) for row, (text, value) in enumerate(rows, 1)]


def two(share: np.ndarray) -> np.ndarray:
    """Return probabilities (texts, 2) of which the second is given."""
    return np.stack([1.0 - share, share], axis=1).astype(np.float32)


def deaf(inputs: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Say the same of every text."""
    return two(np.full(len(inputs), 0.9))


def strict(inputs: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Look at whether a text begins with a capital of its own: right only for "The", whatever the label."""
    return two(np.array([float(values["text"].startswith("The ")) for values in inputs]))


def follows(inputs: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Look at denials and words of praise: the second label is praise."""
    leaning = [sum(word in values["text"] for word in ("good", "lov", "great", "clean", "fun", "tasty")) > 0 for values in inputs]
    denied = [" not " in values["text"] for values in inputs]
    return two(np.array([0.9 if praise != no else 0.1 for praise, no in zip(leaning, denied, strict=True)]))


def measure(predict: Any, task: Any = None, rows: Any = None, **values: Any) -> dict[str, Any]:
    return measure_robustness(predict, rows or examples(REVIEWS), task or Sentiment(["bad", "good"]), **{"seed": 0, **values})


def test_a_model_that_does_not_look_loses_nothing() -> None:
    found = measure(deaf)
    compared = [row for row in found["perturbations"].values() if row["kind"] == "invariance"]
    assert {(row["drop"], row["flip_rate"], tuple(row["interval"])) for row in compared} == {(0.0, 0.0, (0.0, 0.0))}
    assert found["worst"] is None


def test_it_is_said_that_nothing_was_lost() -> None:
    assert measure(deaf, rows=examples(REVIEWS * 2))["sentence"].startswith(
        "No change of the texts lowers accuracy. Of 24 answers after negation, 0.0 %"
    )


def test_before_and_after_are_scores_of_the_same_texts() -> None:
    # in capitals no text begins with "The": all are called bad, which half of them are; before, as many good as bad texts begin so
    row = measure(strict, only=["upper_case"])["perturbations"]["upper_case"]
    assert (row["texts"], row["before"], row["after"], row["drop"]) == (12, 0.5, 0.5, 0.0)
    assert row["flip_rate"] == 0.5  # three texts of each label begin with "The"


def test_a_drop_has_an_interval_around_it() -> None:
    rows = examples([(text, "good" if text.startswith("The ") else "bad") for text in (*PRAISE, *BLAME)])
    row = measure(strict, rows=rows, only=["lower_case"])["perturbations"]["lower_case"]
    assert (row["before"], row["after"], row["drop"]) == (1.0, 0.5, 0.5)
    assert row["interval"][0] < 0.5 < row["interval"][1]


def test_the_worst_is_named_with_its_figures() -> None:
    rows = examples([("The soup", "good")] * 40)
    found = measure(strict, rows=rows)
    assert found["perturbations"][found["worst"]]["drop"] == 1.0
    assert found["sentence"].startswith(
        "The largest drop comes with lower case: accuracy falls by 100.0 points (95 % interval 100.0 to 100.0) on the 40"
    )


def test_few_texts_do_not_decide_what_is_worst() -> None:
    found = measure(strict, rows=examples([("The soup", "good")] * 19), only=["lower_case"])
    assert found["perturbations"]["lower_case"]["drop"] == 1.0
    assert not found["perturbations"]["lower_case"]["is_clear"]
    assert (found["worst"], found["sentence"]) == (None, "No change applies to 20 texts or more: too few to say what costs most.")


def test_answers_that_changed_are_shown_the_right_ones_first() -> None:
    rows = examples([("The soup", "bad"), ("The tea", "good")])
    shown = measure(strict, rows=rows, only=["lower_case"])["perturbations"]["lower_case"]["examples"]
    assert shown[0] == {"texts_before": ["The tea"], "texts_after": ["the tea"], "answer_before": "good", "answer_after": "bad"}
    assert [example["answer_before"] for example in shown] == ["good", "good"]


def test_long_texts_are_shown_around_the_change() -> None:
    def predict(inputs: Sequence[Mapping[str, Any]]) -> np.ndarray:
        return two(np.array([float("Soup" in values["text"]) for values in inputs]))

    rows = examples([("so " * 100 + "Soup " + "so " * 100, "good")])
    (shown,) = measure(predict, rows=rows, only=["lower_case"])["perturbations"]["lower_case"]["examples"]
    assert "Soup" in shown["texts_before"][0]
    assert "soup" in shown["texts_after"][0]
    assert len(shown["texts_before"][0]) == 202  # 200 characters between two ellipses


def test_answers_follow_a_denial() -> None:
    row = measure(follows, only=["negation"])["perturbations"]["negation"]
    assert (row["praise"], row["blame"], row["texts"]) == ("good", "bad", 12)
    assert (row["moved_right"], row["moved_wrong"], row["flip_rate"]) == (1.0, 0.0, 1.0)
    assert row["mean_move"] == pytest.approx(1.6, abs=1e-5)  # from 0.9 - 0.1 to 0.1 - 0.9


def test_a_model_that_does_not_look_does_not_follow() -> None:
    row = measure(deaf, only=["negation"])["perturbations"]["negation"]
    assert (row["moved_right"], row["moved_wrong"], row["mean_move"]) == (0.0, 0.0, 0.0)


def test_labels_that_do_not_tell_praise_from_blame_have_no_direction() -> None:
    rows = examples([(text, label) for text in (*PRAISE, *BLAME) for label in ("good", "bad")])
    assert (
        measure(deaf, rows=rows, only=["negation"])["left_out"]["negation"]
        == "the texts do not tell clearly which label is praise and which is blame"
    )


def test_a_task_without_feelings_has_no_direction() -> None:
    expected = "for task topic it is not known which way an answer should move"
    assert measure(deaf, task=Topic(["bad", "good"]), only=["negation"])["left_out"]["negation"] == expected


def test_what_changes_no_text_is_left_out() -> None:
    assert measure(deaf, only=["homophones"])["left_out"]["homophones"] == "there is nothing to change in these texts"


def test_what_needs_a_package_that_is_not_there_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    expected = "it needs opencc, which is not installed: pip install slmcli[cleaning]"
    assert measure(deaf, rows=examples([("汤很好喝", "good")]), only=["traditional"])["left_out"]["traditional"] == expected


def test_every_perturbation_is_measured_or_left_out() -> None:
    found = measure(deaf)
    assert sorted([*found["perturbations"], *found["left_out"]]) == sorted(PERTURBATIONS.names())


def test_chinese_and_english_are_told_apart() -> None:
    row = measure(strict, rows=examples([("The soup.", "good"), ("汤很好喝。", "bad")] * 20), only=["no_punctuation"])["perturbations"][
        "no_punctuation"
    ]
    assert {name: part["texts"] for name, part in row["scripts"].items()} == {"han": 20, "latin": 20}


def test_a_handful_of_texts_in_another_script_is_not_told_apart() -> None:
    rows = examples([*[("The soup.", "good")] * 40, ("汤很好喝。", "bad")])
    assert measure(strict, rows=rows, only=["no_punctuation"])["perturbations"]["no_punctuation"]["scripts"] == {}


def test_at_most_so_many_examples_are_drawn() -> None:
    found = measure(deaf, most=5)
    assert (found["examples"], found["of"]) == (5, 12)
    assert max(row["texts"] for row in found["perturbations"].values()) == 5


def test_the_same_seed_measures_the_same() -> None:
    assert measure(follows, most=7, only=["negation", "url"]) == measure(follows, most=7, only=["negation", "url"])


def test_another_seed_draws_other_examples() -> None:
    assert measure(follows, most=7, seed=1, only=["url"]) != measure(follows, most=7, seed=2, only=["url"])


def test_an_unknown_perturbation_is_refused() -> None:
    with pytest.raises(ConfigError, match=re.escape("perturbation 'typo' is unknown. Known: typos, homophones,")):
        measure(deaf, only=["typo"])


@pytest.mark.parametrize("text", ["", "😀", "soup", "好"])
def test_a_single_example_is_measured(text: str) -> None:
    assert measure(deaf, rows=examples([(text, "good")]))["examples"] == 1


def test_an_empty_text_cannot_be_changed() -> None:
    found = measure(deaf, rows=examples([("", "good")]))
    assert (found["perturbations"], found["worst"]) == ({}, None)


def test_of_two_texts_one_or_both_are_changed() -> None:
    seen: list[Mapping[str, Any]] = []

    def predict(inputs: Sequence[Mapping[str, Any]]) -> np.ndarray:
        seen.extend(inputs)
        return deaf(inputs)

    pairs = [Example({"text": f"Soup {row}", "text_pair": f"Tea {row}", "label": "good"}, "test", row) for row in range(30)]
    measure(predict, task=Pair(["bad", "good"]), rows=pairs, only=["upper_case"])
    changed = {(values["text"].startswith("SOUP"), values["text_pair"].startswith("TEA")) for values in seen}
    assert changed == {(False, False), (True, False), (False, True), (True, True)}


def test_numbers_have_a_mean_absolute_change() -> None:
    def predict(inputs: Sequence[Mapping[str, Any]]) -> np.ndarray:
        return np.array([[len(values["text"])] for values in inputs], np.float32)

    rows = examples([("1", 1.0), ("12", 2.0), ("123", 3.0)], target="score")  # few perturbations are for digits
    row = measure(predict, task=Score([]), rows=rows, only=["emoji"])["perturbations"]["emoji"]
    assert (row["mean_absolute_change"], row["flip_rate"]) == (2.0, None)  # a space and an emoji
    assert row["examples"][0]["answer_after"] - row["examples"][0]["answer_before"] == 2.0


def test_any_number_of_labels_has_a_flip_rate() -> None:
    def predict(inputs: Sequence[Mapping[str, Any]]) -> np.ndarray:
        return np.array([[float(values["text"].islower()), 1.0] for values in inputs], np.float32)

    rows = examples([("soup", ["a", "b"]), ("tea", ["a"])], target="labels")
    found = measure(predict, task=Multilabel(["a", "b"]), rows=rows, only=["upper_case"])
    assert found["score"] == "micro_f1"
    assert found["perturbations"]["upper_case"]["flip_rate"] == 1.0
    assert found["perturbations"]["upper_case"]["examples"][0]["answer_after"] == ["b"]


def test_a_trained_model_can_be_measured(run: Path, dataset: Path) -> None:
    predictor = open_predictor(run, threads=1)
    task = predictor.bundle.task
    found = measure(predictor.probabilities, task=task, rows=list(open_dataset(dataset).read_examples("test", task.fields)))
    assert json.loads(json.dumps(found)) == found
    # the model reads lower case, so that capitals change nothing
    assert found["perturbations"]["upper_case"]["flip_rate"] == 0.0

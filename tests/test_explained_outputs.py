import re

import numpy as np
import pytest

from slmcli.errors import ConfigError
from slmcli.explained_outputs import Output, check_explainable, choose_output
from slmcli.tasks import TASKS
from slmcli.tasks.classification import Sentiment
from slmcli.tasks.multilabel import Multilabel
from slmcli.tasks.numbers import Score

SAYS = np.array([0.3, 0.7], np.float32)
NUMBERS = Score([], {"mean": 3.0, "scale": 2.0})


def test_the_predicted_label_is_explained() -> None:
    assert choose_output(Sentiment(["bad", "good"]), None, SAYS) == Output(1, "good")


def test_a_threshold_decides_what_is_predicted() -> None:
    assert choose_output(Sentiment(["bad", "good"], {"threshold": 0.8}), None, SAYS) == Output(0, "bad")


def test_the_label_asked_for_is_explained() -> None:
    assert choose_output(Sentiment(["bad", "good"]), "bad", SAYS) == Output(0, "bad")


def test_the_most_probable_of_several_labels_is_explained() -> None:
    assert choose_output(Multilabel(["rain", "sun"]), None, SAYS) == Output(1, "sun")


def test_a_number_is_explained_in_its_own_unit() -> None:
    output = choose_output(NUMBERS, None, np.zeros(1, np.float32))
    assert output.values(np.array([[0.5], [-1.0]], np.float32)).tolist() == [4.0, 1.0]
    assert (output.name, output.kind) == ("score", "score")


def test_a_number_has_no_label() -> None:
    with pytest.raises(ConfigError, match="task score has no labels, so that there is none called 'good'. Leave --label out."):
        choose_output(NUMBERS, "good", np.zeros(1, np.float32))


def test_of_many_labels_the_nearest_is_named() -> None:
    with pytest.raises(ConfigError, match=re.escape("label 19 and 5 more. Did you mean 'label 21'?")):
        choose_output(Sentiment([f"label {place}" for place in range(25)]), "labl 21", np.ones(25, np.float32))


@pytest.mark.parametrize(("task", "expected"), [(Sentiment(["bad", "good"]), [False, True]), (Multilabel(["rain", "sun"]), [True, True])])
def test_whether_the_label_is_predicted_is_the_tasks_to_say(task: Sentiment | Multilabel, expected: list[bool]) -> None:
    assert Output(0, "x").is_chosen(task, np.array([[0.5, 0.9], [0.9, 0.5]], np.float32)).tolist() == expected


def test_other_tasks_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"here was trained for task ner, which says more than one thing of a text; .* Give a model for sentiment"):
        check_explainable(TASKS.load("ner")([]), "here")

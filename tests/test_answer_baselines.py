from typing import Any

import pytest

from slmcli.answer_baselines import baseline_answers
from slmcli.reading import Example


def make(**values: Any) -> Example:
    return Example(values, "data.jsonl", 1)


def answer(kind: str, name: str, example: Example, *train: Example) -> Any:
    """Return what a baseline answers to one example."""
    return baseline_answers(kind, train, [example])[name].answers[0]


def test_a_word_gets_its_most_frequent_tag_and_others_none() -> None:
    train = [make(tokens=["Paris", "may", "fall"], tags=["B-LOC", "O", "O"]), make(tokens=["Paris", "Paris"], tags=["B-PER", "B-LOC"])]
    assert answer("tags", "frequent_tags", make(tokens=["paris", "Paris", "may"]), *train) == ["O", "B-LOC", "O"]


def test_without_training_examples_those_that_learn_are_left_out() -> None:
    assert list(baseline_answers("tags", [], [make(tokens=["a"])])) == []
    assert list(baseline_answers("translation", [], [make(source="a")])) == ["copied_source"]
    assert list(baseline_answers("dialogue", [], [make(context=["a"])])) == ["copied_turn", "lead_1", "lead_3"]


def test_the_most_similar_source_lends_its_translation() -> None:
    train = [make(source="a red house", target="ein rotes Haus"), make(source="two small dogs", target="zwei kleine Hunde")]
    assert answer("translation", "similar_source", make(source="the small dogs"), *train) == "zwei kleine Hunde"


def test_the_most_similar_context_lends_its_response() -> None:
    train = [make(context=["你好", "你叫什么名字？"], response="我叫小明。"), make(context=["几点了？"], response="三点。")]
    assert answer("dialogue", "similar_context", make(context=["现在几点？"]), *train) == "三点。"


def test_without_a_known_word_the_first_training_example_answers() -> None:
    assert answer("dialogue", "similar_context", make(context=["…"]), make(context=["!"], response="first")) == "first"


def test_the_last_turn_is_copied() -> None:
    assert answer("dialogue", "copied_turn", make(context=["How are you?", "Fine."])) == "Fine."


@pytest.mark.parametrize(
    ("text", "first", "three"),
    [("One is here. Two! Three? Four.", "One is here.", "One is here. Two! Three?"), ("一。二！三？四。", "一。", "一。 二！ 三？"), ("", "", "")],
    ids=["English", "Chinese", "empty"],
)
def test_the_first_sentences_are_those_of_the_context(text: str, first: str, three: str) -> None:
    example = make(context=[text])
    assert (answer("dialogue", "lead_1", example), answer("dialogue", "lead_3", example)) == (first, three)


def test_a_sliding_window_finds_words_near_those_of_the_question() -> None:
    context = "Rome was old. The tower was built in 1889 by Eiffel. The tower is tall."
    assert answer("span", "sliding_window", make(context=context, question="When was the tower built?")) in ("1889", "Eiffel")


def test_a_sliding_window_answers_in_chinese() -> None:
    context = "今天下雨。小明住在五羊街。"
    assert answer("span", "sliding_window", make(context=context, question="小明住在哪里？")) == "五羊街"


def test_numbers_with_a_point_are_one_candidate() -> None:
    assert answer("span", "sliding_window", make(context="There were 2.7 million.", question="How many were there?")) == "2.7 million"


@pytest.mark.parametrize(("context", "question"), [("", "Who?"), ("is it", ""), ("👍 …", "Who?")], ids=["empty", "no question", "signs"])
def test_without_a_candidate_there_is_no_answer(context: str, question: str) -> None:
    assert answer("span", "sliding_window", make(context=context, question=question)) == ""

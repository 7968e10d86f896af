"""What each task makes of an example, worked by hand with a tokenizer of characters."""

from typing import Any

import numpy as np
import pytest

from slmcli.config import CleaningSettings, EncodingSettings, TokenizerSettings
from slmcli.reading import Example
from slmcli.tasks import TASKS
from slmcli.tokenizers.base import BEGIN_ID, END_ID, SEPARATOR_ID, UNKNOWN_ID
from slmcli.tokenizers.character import CharacterTokenizer

# ids from 6: a b c d and the space
A, B, C, D, SPACE = range(6, 11)
TOKENIZER = CharacterTokenizer(
    TokenizerSettings(tokenizer="character"), CleaningSettings(cleaning=[]), ["<pad>", "<unk>", "<bos>", "<eos>", "<sep>", "<mask>", *"abcd "]
)


def encode(task: str, values: dict[str, Any], *, labels: tuple[str, ...] = (), max_length: int = 20) -> dict[str, list[int]]:
    """Return the features as lists."""
    encoding = EncodingSettings(max_length=max_length, truncation="head")
    features = TASKS.load(task)(labels).encode(Example(values, "file", 1), TOKENIZER, encoding)
    return {name: np.asarray(value).tolist() for name, value in features.items()}


def test_a_label_becomes_its_position() -> None:
    assert encode("topic", {"text": "ab", "label": "y"}, labels=("x", "y")) == {"token_ids": [A, B], "label": [1]}


def test_without_a_label_there_are_tokens_only() -> None:
    assert encode("topic", {"text": "ab"}, labels=("x", "y")) == {"token_ids": [A, B]}


def test_several_labels_become_positions_in_rising_order() -> None:
    assert encode("multilabel", {"text": "a", "labels": ["z", "x"]}, labels=("x", "y", "z"))["label_ids"] == [0, 2]


def test_no_label_is_an_answer_too() -> None:
    assert encode("multilabel", {"text": "a", "labels": []}, labels=("x",))["label_ids"] == []


def test_two_texts_stay_apart() -> None:
    features = encode("pair", {"text": "ab", "text_pair": "cd", "label": "x"}, labels=("x", "y"))
    assert features == {"token_ids": [A, B], "pair_token_ids": [C, D], "label": [0]}


def test_a_score_stays_a_number() -> None:
    assert encode("similarity", {"text": "a", "text_pair": "b", "score": 2.5})["score"] == [2.5]


def test_only_the_first_piece_of_a_word_is_tagged() -> None:
    features = encode("ner", {"tokens": ["ab", "c"], "tags": ["B-X", "O"]}, labels=("B-X", "O"))
    assert features == {"token_ids": [A, B, C], "word_ids": [0, 0, 1], "tag_ids": [0, -1, 1]}


def test_a_word_of_which_nothing_is_left_is_unknown() -> None:
    assert encode("ner", {"tokens": ["a", ""], "tags": ["O", "O"]}, labels=("O",))["token_ids"] == [A, UNKNOWN_ID]


def test_words_are_cut_whole() -> None:
    features = encode("ner", {"tokens": ["ab", "cd"], "tags": ["O", "O"]}, labels=("O",), max_length=3)
    assert features == {"token_ids": [A, B], "word_ids": [0, 0], "tag_ids": [0, -1]}


@pytest.mark.parametrize(
    ("answers", "span"),
    [
        ({"text": ["cd"], "answer_start": [3]}, [3, 5]),
        ({"text": ["zz", "b"], "answer_start": [0, 1]}, [1, 2]),
        ({"text": ["cd"], "answer_start": [0]}, [0, 0]),
        ({"text": [], "answer_start": []}, [0, 0]),
        ({"text": ["ab"], "answer_start": [6]}, [0, 0]),
    ],
    ids=["found", "second answer", "elsewhere", "none", "cut off"],
)
def test_an_answer_becomes_a_span_of_tokens(answers: dict[str, list[Any]], span: list[int]) -> None:
    features = encode("qa", {"context": "ab cd ab", "question": "d", "answers": answers}, max_length=6)
    assert (features["answer_span"], features["question_ids"]) == (span, [D])


def test_a_target_stands_between_its_marks() -> None:
    features = encode("translation", {"source": "ab", "target": "c"})
    assert features == {"token_ids": [A, B], "target_ids": [BEGIN_ID, C, END_ID]}


def test_a_target_keeps_its_marks_when_it_is_cut() -> None:
    assert encode("translation", {"source": "a", "target": "abcd"}, max_length=4)["target_ids"] == [BEGIN_ID, A, B, END_ID]


def test_turns_are_joined_and_the_last_ones_stay() -> None:
    values = {"context": ["ab", "c", "d"], "response": "a"}
    assert encode("dialogue", values)["token_ids"] == [A, B, SEPARATOR_ID, C, SEPARATOR_ID, D]
    assert encode("dialogue", values, max_length=3)["token_ids"] == [C, SEPARATOR_ID, D]


def test_a_document_stays_whole_and_ends() -> None:
    assert encode("language-model", {"text": "abcd"}, max_length=2)["token_ids"] == [A, B, C, D, END_ID]


@pytest.mark.parametrize(
    ("task", "values", "lengths", "expected"),
    [
        ("topic", {"text": "ab"}, [2], 2),
        ("pair", {"text": "ab", "text_pair": "abc"}, [2, 3], 3),
        ("translation", {"source": "abcd", "target": "a"}, [4, 1], 4),
        ("ner", {"tokens": ["ab", "c"]}, [2, 1], 3),
        ("translation", {"source": "abcd", "target": "abcd"}, [4, 4], 6),
        ("ner", {"tokens": ["ab", ""]}, [2, 0], 3),
        ("dialogue", {"context": ["ab", "c"], "response": "a"}, [2, 1, 1], 4),
        ("dialogue", {"context": ["a"], "response": "abcd"}, [1, 4], 6),
        ("dialogue", {"context": ["ab", "c"]}, [2, 1], 4),
        ("topic", {"text": ""}, [], 0),
    ],
    ids=["one text", "two texts", "translation", "words", "long target", "empty word", "turns", "long response", "no response", "nothing"],
)
def test_the_length_that_is_cut_is_known(task: str, values: dict[str, Any], lengths: list[int], expected: int) -> None:
    assert TASKS.load(task)(["x"]).cut_length(Example(values, "file", 1), lengths) == expected

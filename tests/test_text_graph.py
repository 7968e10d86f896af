"""Texts in a graph have the ids that they have outside, character for character."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hard_texts import HARD

from slmcli.cleaning import clean
from slmcli.config import CleaningSettings, EncodingSettings, TokenizerSettings
from slmcli.errors import ConfigError
from slmcli.ngrams import NgramForm, NgramVocabulary, PretokenHashes, count_buckets, encode_example
from slmcli.reading import Example
from slmcli.tasks import TASKS
from slmcli.text_parts import GRAPH_STEPS, TextParts
from slmcli.tokenizers import TOKENIZERS

# what a graph reads is UTF-8, which has no halves of surrogate pairs
WRITABLE = [text for text in HARD if text.isascii() or text.encode("utf-8", "replace").decode("utf-8") == text]
DEFAULT = ["markup", "nfkc", "lowercase", "whitespace"]
# characters that meet in many ways: marks of several classes, jamo, sigmas, references, signs of all kinds, white space of all kinds
ALPHABETS = [
    "abcXYZ 09.,!?'\u2019-_",
    "a\u0323\u0302\u0301\u0338\u0345\u00c5\u212b\u1e9b\u0061\u0327\u0315",
    "\u1100\u1161\u11a8\uac00\u1112\ud79d\u11ff \u3131",
    "\u03a3\u03c3\u0391\u00b7\u0301\u0130i\u0131I. '",
    "&#xX;amplt123460aF<>b/! \u00e9",
    "\u4e2d\u6587\u4dc0\u3002\uff0c\u3007\uff21\uff11 \u3000a1",
    "\U0001f600\u200d\ufe0f\U0001f468\U0001f3fd\u20e3 :)",
    "\t\n\r\x0b\x0c\x1c\x1f\x85\xa0\u2028\u2003 ab.",
]


def drawn(count: int) -> list[str]:
    """Return texts of characters drawn from one alphabet each, the same at every call."""
    generator = np.random.default_rng(0)
    choose: Callable[[str], str] = lambda alphabet: "".join(generator.choice(list(alphabet), generator.integers(1, 24)))  # noqa: E731
    return [choose(ALPHABETS[place % len(ALPHABETS)]) for place in range(count)]


TEXTS = [*WRITABLE, *drawn(400)]


def make(name: str, *, steps: Sequence[str] = DEFAULT, ngrams: NgramForm | None = None, task: str = "sentiment", **values: Any) -> TextParts:
    """Return the parts of a model whose tokenizer has seen the texts."""
    cleaning = CleaningSettings(cleaning=list(steps))
    tokenizer = TOKENIZERS.load(name).train(TEXTS, TokenizerSettings(tokenizer=name, min_frequency=1, vocabulary_size=500, **values), cleaning)
    made, vocabulary = TASKS.load(task)(["bad", "good"]), None
    if ngrams:
        pretokens = [tokenizer.tokenize(text) for text in TEXTS[:80]]
        hashed = [PretokenHashes.of(each, subwords=ngrams.subwords).buckets(np.arange(len(each)), ngrams.order) for each in pretokens if each]
        vocabulary, made = NgramVocabulary(ngrams, count_buckets(hashed)[0][::2]), made.with_inputs(["ngram_ids", "token_ids"])
    return TextParts(made, tokenizer, vocabulary, EncodingSettings(max_length=40), None)


def graph_features(parts: TextParts, place: Path, texts: Sequence[str]) -> dict[str, list[list[int]]]:
    """Return the ids that a traced graph gives to texts, without padding."""
    import tensorflow as tf

    from slmcli.text_graph import TextGraph

    graph = TextGraph(parts, place)
    traced = tf.function(lambda strings: graph.features({"text": strings}), input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    found = traced(tf.constant([text.encode("utf-8") for text in texts]))
    return {name: [row[: _length(row)].tolist() for row in values.numpy()] for name, values in found.items()}


def _length(row: np.ndarray) -> int:
    return int(np.flatnonzero(row)[-1]) + 1 if row.any() else 0


def expected(parts: TextParts, texts: Sequence[str]) -> dict[str, list[list[int]]]:
    encoded = [encode_example(Example({"text": text}, "", 0), parts.task, parts.tokenizer, parts.encoding, parts.ngrams) for text in texts]
    return {name: [each[name].tolist() for each in encoded] for name in parts.task.input_features}


FORMS = {
    "words": ("word", {}),
    "words and signs": ("word", {"splitter": "wordpunct"}),
    "what stands between spaces": ("word", {"splitter": "space"}),
    "characters": ("character", {}),
    "bytes": ("byte", {}),
    "pairs of words": ("word", {"ngrams": NgramForm(2, subwords=False)}),
    "triples and characters": ("word", {"ngrams": NgramForm(3, subwords=True)}),
    "words as they are": ("word", {"steps": []}),
}


@pytest.mark.parametrize(("name", "values"), FORMS.values(), ids=FORMS)
def test_a_graph_gives_the_ids_of_the_tokenizer(name: str, values: dict[str, Any], tmp_path: Path) -> None:
    parts = make(name, **values)
    found, wanted = graph_features(parts, tmp_path, TEXTS), expected(parts, TEXTS)
    for feature, rows in wanted.items():
        assert [(text, one) for text, one in zip(TEXTS, found[feature], strict=True)] == [(text, row) for text, row in zip(TEXTS, rows, strict=True)]


@pytest.mark.parametrize("step", GRAPH_STEPS)
def test_each_step_of_cleaning_is_that_of_training(step: str) -> None:
    import tensorflow as tf

    from slmcli.graph_cleaning import GraphCleaner
    from slmcli.graph_texts import decode

    cleaner, texts = GraphCleaner([step]), tf.constant([text.encode("utf-8") for text in TEXTS])

    def cleaned(strings: Any) -> Any:
        result = cleaner.clean(decode(strings))
        return tf.RaggedTensor.from_value_rowids(result.codes, tf.cast(result.rows, tf.int64), nrows=len(TEXTS))

    rows = tf.function(cleaned, autograph=False)(texts)
    found = ["".join(map(chr, row)) for row in rows.to_list()]
    assert found == [clean(text, CleaningSettings(cleaning=[step])) for text in TEXTS]


@pytest.mark.parametrize("truncation", ["head", "tail", "head_tail"])
def test_long_texts_are_cut_alike(truncation: Any, tmp_path: Path) -> None:
    parts = make("byte")
    parts = TextParts(parts.task, parts.tokenizer, None, EncodingSettings(max_length=7, truncation=truncation), None)
    assert graph_features(parts, tmp_path, TEXTS[:9]) == expected(parts, TEXTS[:9])


def test_bytes_that_are_no_text_do_no_harm(tmp_path: Path) -> None:
    import tensorflow as tf

    from slmcli.text_graph import TextGraph

    graph = TextGraph(make("character"), tmp_path)
    assert graph.features({"text": tf.constant([b"\xff\xfe", b"\xe4\xb8", b"ok"])})["token_ids"].shape[0] == 3


@pytest.mark.parametrize(
    ("task", "learned"),
    [
        ("sentiment", {}),
        ("sentiment", {"threshold": 0.9}),
        ("score", {"mean": 2.0, "scale": 1.5}),
        ("score", {"mean": 2.0, "scale": 1.5, "steps": [1, 2, 3]}),
    ],
)
def test_answers_are_those_of_the_task(task: str, learned: dict[str, Any]) -> None:
    from slmcli.graph_answers import answers, probabilities

    made, outputs = TASKS.load(task)(["bad", "good"] if task == "sentiment" else [], learned), np.array([[0.3, 1.0], [-4.0, 2.5]], np.float32)
    said = answers(made, probabilities(made, outputs[:, : made.width]))
    decoded = [made.decode(row) for row in made.probabilities(outputs[:, : made.width])]
    assert said["score"].numpy() == pytest.approx([each["score"] for each in decoded], abs=1e-5)
    labels = [each.decode() if isinstance(each, bytes) else each for each in said["label"].numpy().tolist()] if "label" in said else [None, None]
    assert labels == [each.get("label") for each in decoded]


def test_of_several_labels_those_that_fit_are_said() -> None:
    from slmcli.graph_answers import answers, probabilities

    made = TASKS.load("multilabel")(["a", "b", "c"], {"thresholds": [0.2, 0.5, 0.9]})
    said = answers(made, probabilities(made, np.array([[0.0, 1.0, 1.0], [-9.0, -9.0, -9.0]], np.float32)))
    assert said["labels"].numpy().tolist() == [[b"a", b"b"], [b"", b""]]


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        (
            "bpe",
            {},
            r"tokenizer bpe cannot work inside a graph, because its merges depend on each other\. Pass --format litert",
        ),
        (
            "chinese",
            {},
            r"tokenizer chinese cannot .* with probabilities\. Pass --format litert, or train with --tokenizer character\.",
        ),
        ("word", {"splitter": "tweet"}, r"--splitter tweet is code of NLTK, which a graph cannot hold; regexp, wordpunct, space are possible\."),
        (
            "byte",
            {"steps": ["numbers"]},
            r"cleaning step 'numbers' cannot be done inside a graph exactly as in training; markup, nfc, nfd, nfkc",
        ),
    ],
    ids=["subwords", "dictionary", "splitter", "step"],
)
def test_what_a_graph_cannot_do_is_refused(name: str, values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make(name, **values).check()

"""Compare ids of texts in a graph with those outside: python benchmarks/text_graph.py --data DIR [--texts 10000 --timed 2000].

Takes texts of imdb, ag_news, tweeteval_emotion, chnsenticorp and tnews_zh, as many of each, trains a tokenizer of each kind that a
SavedModel can hold on the first thousand of every set, and counts how many texts have the very same ids, n-grams among them, in a graph. Prints
a Markdown table: texts, equal ones, texts a second in batches of 64 in the graph and outside, on the same texts one after the other.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from quality_sets import draw, read_rows

from slmcli.config import CleaningSettings, EncodingSettings, TokenizerSettings
from slmcli.ngrams import NgramForm, NgramVocabulary, PretokenHashes, count_buckets, encode_example
from slmcli.reading import Example
from slmcli.runtime import start_tensorflow
from slmcli.tasks import TASKS
from slmcli.text_parts import TextParts
from slmcli.tokenizers import TOKENIZERS

_SETS = ("imdb", "ag_news", "tweeteval_emotion", "chnsenticorp", "tnews_zh")
_KINDS = {
    "word": ("word", None),
    "word with pairs and characters": ("word", NgramForm(2, subwords=True)),
    "character": ("character", None),
    "byte": ("byte", None),
}
_BATCH = 64


def main() -> None:
    """Print a row for each kind of tokenizer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--texts", type=int, default=10_000, help="texts in all")
    parser.add_argument("--timed", type=int, default=2_000, help="texts of which speed is measured")
    options = parser.parse_args()
    start_tensorflow()
    sets = [
        [text for text, _ in draw(read_rows(options.data / name / "train.jsonl.gz"), options.texts // len(_SETS) + 1, seed=0)[0]] for name in _SETS
    ]
    texts = [text for row in zip(*sets, strict=False) for text in row][: options.texts]
    print("| tokenizer | texts | equal | texts/s in the graph | texts/s outside |\n|---|---|---|---|---|")
    for kind, (name, form) in _KINDS.items():
        parts = make(name, form, [text for each in sets for text in each[:1000]])
        equal, inside, outside = compare(parts, texts, options.timed)
        print(f"| {kind} | {len(texts):,} | {equal:,} | {inside:,.0f} | {outside:,.0f} |", flush=True)


def read_texts(path: Path, count: int) -> list[str]:
    """Return so many texts of a file at random, the same at every call."""
    return [text for text, _ in draw(read_rows(path), count, seed=0)[0]]


def make(name: str, form: NgramForm | None, texts: list[str]) -> TextParts:
    """Return the parts of a model whose tokenizer has seen texts."""
    tokenizer = TOKENIZERS.load(name).train(texts, TokenizerSettings(tokenizer=name), CleaningSettings())
    task, vocabulary = TASKS.load("sentiment")(["a", "b"]), None
    if form:
        pretokens = [tokenizer.tokenize(text) for text in texts]
        hashed = [PretokenHashes.of(each, subwords=form.subwords).buckets(np.arange(len(each)), form.order) for each in pretokens if each]
        buckets, counts = count_buckets(hashed)
        vocabulary, task = NgramVocabulary(form, buckets[counts > 1]), task.with_inputs(["ngram_ids", "token_ids"])
    return TextParts(task, tokenizer, vocabulary, EncodingSettings(), None)


def compare(parts: TextParts, texts: list[str], timed: int) -> tuple[int, float, float]:
    """Return how many texts have the same features in a graph as outside, and the texts a second of both."""
    import tensorflow as tf

    from slmcli.text_graph import TextGraph

    with tempfile.TemporaryDirectory() as place:
        graph = TextGraph(parts, Path(place))
        traced = tf.function(lambda strings: graph.features({"text": strings}), input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
        batches = [texts[start : start + _BATCH] for start in range(0, len(texts), _BATCH)]
        equal, seconds = 0, [0.0, 0.0]
        for number, batch in enumerate(batches):
            started = time.perf_counter()
            found = {name: values.numpy() for name, values in traced(tf.constant(batch)).items()}
            between = time.perf_counter()
            wanted = [encode_example(Example({"text": text}, "", 0), parts.task, parts.tokenizer, parts.encoding, parts.ngrams) for text in batch]
            if 0 < number <= timed // _BATCH:
                seconds[0] += between - started
                seconds[1] += time.perf_counter() - between
            equal += sum(all(_is_same(found[name][row], each[name]) for name in found) for row, each in enumerate(wanted))
    counted = min(timed // _BATCH, len(batches) - 1) * _BATCH
    return equal, counted / seconds[0], counted / seconds[1]


def _is_same(padded: np.ndarray, values: np.ndarray) -> bool:
    return bool(np.array_equal(padded[: len(values)], values) and not padded[len(values) :].any())


if __name__ == "__main__":
    main()

"""Perplexity of a Kneser-Ney model of words: python benchmarks/kneser_ney.py TRAIN VALID [--vocabulary FILE --order 5 --nltk].

TRAIN and VALID are text, gzipped or not: a line is a sequence of words between spaces, empty lines are left out. The vocabulary is FILE, one word
a line, or without it all words that occur at least `--min-frequency` times in TRAIN; every other word is `<unk>`. Perplexity is over all words of
VALID, `<unk>` among them, and one `<eos>` a line. Prints one JSON object with the modified and the plain model; with --nltk, and a Python
that has it, also that of `nltk.lm.KneserNeyInterpolated`.

NLTK looks through all contexts of an order for every word, so that these texts would take days. The same sums are kept in an index here,
everything else is its own; `seconds_a_word` is what it takes without the index, on the first words of VALID.
"""

import argparse
import gzip
import itertools
import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

UNKNOWN, BEGIN, END = "<unk>", "<bos>", "<eos>"
Lines = list[list[str]]
WORDS_WITHOUT_INDEX = 20


@dataclass(frozen=True)
class Order:
    """What is known about n-grams of one length.

    Attributes:
        keys: (n-grams,) int64, ascending: the number of the n-gram without its last word, times the size of the vocabulary, plus that word.
        discounted: (n-grams,) float64, counts less discount, divided by the total of the context.
        left: (contexts,) float64, the share that is left for shorter n-grams.
        discounts: Of n-grams that occur once, twice, and more often.
    """

    keys: np.ndarray
    discounted: np.ndarray
    left: np.ndarray
    discounts: list[float]


def read(path: Path) -> Lines:
    """Return the words of each line that has any."""
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        return [words for line in lines if (words := line.strip().split(" ")) != [""]]


def choose_words(lines: Lines, min_frequency: int) -> list[str]:
    """Return the words that occur so often."""
    counts = Counter(itertools.chain.from_iterable(lines))
    return sorted(word for word, count in counts.items() if count >= min_frequency)


class KneserNey:
    """Interpolated Kneser-Ney.

    Source: Chen & Goodman 1999, "An empirical study of smoothing techniques for language modeling", sections 3 and 4.1.6: n-grams of
    less than full length are counted once for each word before them, those at the beginning of a line as often as they occur; discounts by
    formula 26; below single words stands the same probability for all. Plain: one discount, n1 / (n1 + 2 n2).

    Args:
        lines: Words of the vocabulary.
        words: The vocabulary.
        order: Words in the longest n-gram.
        is_modified: Whether n-grams that occur once, twice and more often have discounts of their own.
    """

    def __init__(self, lines: Lines, words: Sequence[str], *, order: int, is_modified: bool) -> None:
        self._ids = {word: number for number, word in enumerate([BEGIN, END, UNKNOWN, *words])}
        self._orders: list[Order] = []
        tokens, is_inside = self._encode(lines, order)
        # numbers of the n-grams that end at each token, and those of which they are made: none at all, one word, ...
        grams = [np.zeros(len(tokens), np.int64)]
        found = []
        for length in range(1, order + 1):
            keys = self._keys(grams[-1], tokens)
            places = np.flatnonzero(is_inside[length - 1])
            unique, first, numbers, counts = np.unique(keys[places], return_index=True, return_inverse=True, return_counts=True)
            grams.append(np.full(len(tokens), -1, np.int64))
            grams[-1][places] = numbers
            found.append((unique, places[first], counts))
        for length, (unique, first, occurrences) in enumerate(found, 1):
            counts = occurrences
            if length < order:
                longer = found[length][1]  # one place of each n-gram that is a word longer
                follows = np.bincount(grams[length][longer], minlength=len(unique))
                begins = tokens[first - length + 1] == self._ids[BEGIN]
                counts = np.where(begins & (length > 1), occurrences, follows)
            contexts = grams[length - 1][first - 1]
            self._orders.append(_discount(unique, counts, contexts, int(grams[length - 1].max()) + 1, is_modified=is_modified))

    @property
    def discounts(self) -> list[list[float]]:
        """Those of each length, single words first."""
        return [[round(discount, 4) for discount in order.discounts] for order in self._orders]

    def log_probabilities(self, lines: Lines) -> np.ndarray:
        """Return (words and ends of lines,) float64, natural logarithms."""
        tokens, is_inside = self._encode(lines, len(self._orders))
        is_predicted = tokens != self._ids[BEGIN]
        chances = np.full(len(tokens), 1.0 / (len(self._ids) - 1))  # no line has a beginning inside
        contexts = np.zeros(len(tokens), np.int64)  # of the n-grams without their last word
        for length, order in enumerate(self._orders, 1):
            keys = np.where(contexts >= 0, contexts * len(self._ids) + tokens, -1)
            numbers = np.minimum(np.searchsorted(order.keys, keys), len(order.keys) - 1)
            is_known = (order.keys[numbers] == keys) & is_inside[length - 1]
            known = np.where(is_known, order.discounted[numbers], 0.0)
            chances = np.where(contexts >= 0, known + order.left[contexts] * chances, chances)
            contexts = np.roll(np.where(is_known, numbers, -1), 1)
            contexts[:1] = -1
        return np.log(chances[is_predicted])

    def _encode(self, lines: Lines, order: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (tokens,) int64 of all lines, and (order, tokens) bool, whether an n-gram of each length that ends there is inside a line."""
        unknown = self._ids[UNKNOWN]
        tokens = np.array([self._ids.get(word, unknown) for line in lines for word in [BEGIN, *line, END]], np.int64)
        starts = np.flatnonzero(tokens == self._ids[BEGIN])
        place = np.arange(len(tokens)) - np.repeat(starts, np.diff(starts, append=len(tokens)))
        return tokens, place >= np.arange(order)[:, None]

    def _keys(self, shorter: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        return np.roll(shorter, 1) * len(self._ids) + tokens


def _discount(keys: np.ndarray, counts: np.ndarray, contexts: np.ndarray, size: int, *, is_modified: bool) -> Order:
    """Return what an order knows: (n-grams,) keys, counts, and numbers of contexts, of which there are `size`."""
    discounts = _discounts_of(counts, is_modified=is_modified)
    taken = np.where(counts > 0, np.array([0.0, *discounts])[np.minimum(counts, 3)], 0.0)
    totals = np.bincount(contexts, counts, minlength=size)
    left = np.divide(np.bincount(contexts, taken, minlength=size), totals, out=np.ones(size), where=totals > 0)
    discounted = np.divide(counts - taken, totals[contexts], out=np.zeros(len(keys)), where=totals[contexts] > 0)
    return Order(keys, discounted, left, discounts)


def _discounts_of(counts: np.ndarray, *, is_modified: bool) -> list[float]:
    """Return those of n-grams that are counted once, twice and more often."""
    once, twice, thrice, four = (max(int((counts == number).sum()), 1) for number in range(1, 5))
    share = once / (once + 2.0 * twice)
    if not is_modified:
        return [share] * 3
    found = [1 - 2 * share * twice / once, 2 - 3 * share * thrice / twice, 3 - 4 * share * four / thrice]
    return [min(max(discount, 0.0), float(number)) for number, discount in enumerate(found, 1)]  # few n-grams can give any number


def measure(train: Lines, valid: Lines, words: Sequence[str], order: int, *, is_modified: bool) -> dict[str, Any]:
    """Return perplexity, discounts and seconds of one model."""
    started = time.perf_counter()
    model = KneserNey(train, words, order=order, is_modified=is_modified)
    perplexity = float(np.exp(-model.log_probabilities(valid).mean()))
    return {"perplexity": round(perplexity, 3), "discounts": model.discounts, "seconds": round(time.perf_counter() - started, 1)}


def measure_nltk(train: Lines, valid: Lines, order: int, discount: float) -> dict[str, Any]:
    """Return perplexity and seconds of NLTK's model, and the seconds for a word without an index."""
    import nltk
    from nltk.lm import KneserNeyInterpolated, Vocabulary

    started = time.perf_counter()
    model = KneserNeyInterpolated(order, discount=discount, vocabulary=Vocabulary(itertools.chain([BEGIN, END, UNKNOWN], *train), unk_label=UNKNOWN))
    model.fit(all_ngrams(line, order) for line in train)
    fitted = time.perf_counter()
    pairs = [(ngram[-1], ngram[:-1]) for line in valid for ngram in full_ngrams(line, order)]
    plain = [model.score(*pair) for pair in pairs[:WORDS_WITHOUT_INDEX]]
    a_word = (time.perf_counter() - fitted) / WORDS_WITHOUT_INDEX
    add_index(model.estimator, model.counts, order)
    if not np.allclose(plain, [model.score(*pair) for pair in pairs[:WORDS_WITHOUT_INDEX]], rtol=1e-12):
        raise SystemExit("the index changes what NLTK computes; do not use these figures")
    scored = time.perf_counter()
    perplexity = float(np.exp(-np.mean(np.log([model.score(*pair) for pair in pairs]))))
    seconds = {"seconds_fit": round(fitted - started, 1), "seconds_with_index": round(time.perf_counter() - scored, 1)}
    return {"version": nltk.__version__, "perplexity": round(perplexity, 3), "discount": discount, **seconds, "seconds_a_word": round(a_word, 3)}


def full_ngrams(line: list[str], order: int) -> Iterator[tuple[str, ...]]:
    """Yield an n-gram of full length for each word and the end of a line."""
    padded = [BEGIN] * (order - 1) + [*line, END]
    yield from zip(*(padded[start:] for start in range(order)), strict=False)


def all_ngrams(line: list[str], order: int) -> Iterator[tuple[str, ...]]:
    """Yield the n-grams of all lengths that NLTK is to count; its own padding would count several ends of a line."""
    padded = [BEGIN] * (order - 1) + [*line, END]
    for length in range(1, order + 1):
        yield from zip(*(padded[start:] for start in range(length)), strict=False)


def add_index(estimator: Any, counts: Any, order: int) -> None:
    """Keep what `KneserNey._continuation_counts` looks for, and the sums of each context that it makes anew for every word."""
    befores: Counter[tuple[str, ...]] = Counter()
    totals: Counter[tuple[str, ...]] = Counter()
    for length in range(2, order + 1):
        for context, following in counts[length].items():
            befores.update((*context[1:], word) for word in following)
            totals[context[1:]] += len(following)
    estimator._continuation_counts = lambda word, context=(): (befores[(*context, word)], totals[context])


def map_unknown(lines: Iterable[list[str]], words: Sequence[str]) -> Lines:
    """Return lines in which every word that is not in the vocabulary is `<unk>`."""
    known = set(words)
    return [[word if word in known else UNKNOWN for word in line] for line in lines]


def main() -> None:
    """Read, count and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train", type=Path)
    parser.add_argument("valid", type=Path)
    vocabulary = parser.add_mutually_exclusive_group()
    vocabulary.add_argument("--vocabulary", type=Path, help="one word a line")
    vocabulary.add_argument("--min-frequency", type=int, default=2)
    parser.add_argument("--order", type=int, default=5)
    parser.add_argument("--nltk", action="store_true")
    parser.add_argument("--nltk-discount", type=float, default=0.75, help="its own default, 0.1, leaves too little for shorter n-grams")
    options = parser.parse_args()
    train, valid = read(options.train), read(options.valid)
    words = options.vocabulary.read_text(encoding="utf-8").split("\n") if options.vocabulary else choose_words(train, options.min_frequency)
    words = sorted(set(words) - {"", UNKNOWN, BEGIN, END})
    train, valid = map_unknown(train, words), map_unknown(valid, words)
    evaluated = sum(map(len, valid)) + len(valid)
    figures: dict[str, Any] = {
        "order": options.order,
        "vocabulary_size": len(words) + 2,  # with <unk> and <eos>
        "train_tokens": sum(map(len, train)) + len(train),
        "evaluated_tokens": evaluated,
        "unknown_share": round(sum(line.count(UNKNOWN) for line in valid) / evaluated, 4),
        "modified": measure(train, valid, words, options.order, is_modified=True),
        "plain": measure(train, valid, words, options.order, is_modified=False),
    }
    if options.nltk:
        figures["nltk"] = measure_nltk(train, valid, options.order, options.nltk_discount)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()

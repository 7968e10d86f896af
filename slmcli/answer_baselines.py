"""What answers of other programs must beat where no model is trained: copies, first sentences, what training examples say, a sliding window."""

import itertools
import math
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any  # Any: answers of several tasks, scikit-learn's matrices

import numpy as np

from slmcli.pretokens import WORD_PATTERN
from slmcli.reading import Example
from slmcli.text_scores import text_words

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])\s*|\n+")
# our choice: similarities to all training examples that are held at once
_CELLS_IN_MEMORY = 4_000_000
# our choice: words that stand in no answer by themselves
_FUNCTION_WORDS = frozenset(
    re.findall(
        r"\S+",
        """
        a an the of in on at by for from to with as into about after before during between over under and or but nor so if than then because while
        that which who whom whose what when where why how however it its he she they them their his her this these those there
        is are was were be been being am do does did has have had having will would can could may might must shall should not no
        also only such most more other some any all
        的 了 是 在 和 与 及 或 等 被 把 于 为 之 而 也 都 就 这 那 其 有
        """,
    )
)


@dataclass(frozen=True)
class BaselineAnswers:
    """What a baseline answers to each example that is judged.

    Attributes:
        answers: In the form of the task's answers.
        seconds: How long it took.
    """

    answers: list[Any]
    seconds: float


def baseline_answers(kind: str, train: Sequence[Example], examples: Sequence[Example]) -> dict[str, BaselineAnswers]:
    """Let every baseline of a kind answer; those that learn are left out when there is nothing to learn from.

    Args:
        kind: As `AnswerTask.baselines`.
        train: Training examples; none when there are none.
        examples: The examples that are judged.
    """
    found = {}
    for name, answer in _BASELINES[kind].items():
        if answer in _LEARNING and not train:
            continue
        started = time.perf_counter()
        answers = answer(train, examples)
        found[name] = BaselineAnswers(answers, round(time.perf_counter() - started, 2))
    return found


def _frequent_tags(train: Sequence[Example], examples: Sequence[Example]) -> list[Any]:
    """Give each word the tag that it has most often in training; O to one that is not there."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for example in train:
        for word, tag in zip(example.values["tokens"], example.values["tags"], strict=True):
            counts[word][tag] += 1
    tags = {word: counter.most_common(1)[0][0] for word, counter in counts.items()}
    return [[tags.get(word, "O") for word in example.values["tokens"]] for example in examples]


def _copied_source(train: Sequence[Example], examples: Sequence[Example]) -> list[Any]:
    return [example.values.get("source") or "" for example in examples]


def _copied_turn(train: Sequence[Example], examples: Sequence[Example]) -> list[Any]:
    return [(example.values.get("context") or [""])[-1] for example in examples]


def _first_sentence(train: Sequence[Example], examples: Sequence[Example]) -> list[Any]:
    return [_lead(example, 1) for example in examples]


def _first_sentences(train: Sequence[Example], examples: Sequence[Example]) -> list[Any]:
    return [_lead(example, 3) for example in examples]


def _lead(example: Example, number: int) -> str:
    return " ".join(_sentences("\n".join(example.values.get("context") or []))[:number])


def _sentences(text: str) -> list[str]:
    return [part for part in _SENTENCE_END.split(text) if part.strip()]


def _similar_source(train: Sequence[Example], examples: Sequence[Example]) -> list[Any]:
    texts = ([example.values.get("source") or "" for example in part] for part in (train, examples))
    return [train[place].values["target"] for place in _most_similar(*texts)]


def _similar_context(train: Sequence[Example], examples: Sequence[Example]) -> list[Any]:
    texts = (["\n".join(example.values.get("context") or []) for example in part] for part in (train, examples))
    return [train[place].values["response"] for place in _most_similar(*texts)]


def _most_similar(known: Sequence[str], new: Sequence[str]) -> list[int]:
    """Return the place of the known text that is most similar to each new one, by the cosine of TF-IDF; the first of equal ones."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(tokenizer=text_words, token_pattern=None, lowercase=False, sublinear_tf=True)
    try:
        table = vectorizer.fit_transform(known).T.tocsr()
    except ValueError:  # scikit-learn's for an empty vocabulary
        return [0] * len(new)
    rows = vectorizer.transform(new)
    block = max(1, _CELLS_IN_MEMORY // len(known))
    places = [(rows[start : start + block] @ table).argmax(axis=1) for start in range(0, len(new), block)]
    return [int(place) for part in places for place in np.asarray(part).ravel()]


def _sliding_windows(train: Sequence[Example], examples: Sequence[Example]) -> list[Any]:
    return [_find_answer(example.values.get("context") or "", example.values.get("question") or "") for example in examples]


def _find_answer(context: str, question: str) -> str:
    """Return the candidate that stands nearest to the words of the question.

    Of sentences that share the most words and pairs of words with the question, every longest run of words that are neither in the question nor
    function words is a candidate. Source: Rajpurkar et al. 2016, section 5.1; Richardson et al. 2013, algorithm 1, the sliding window without
    distances. Differs: their candidates are constituents of a parser.
    """
    score = _sliding_window([word for word, _, _ in _places(context)], set(text_words(question)))
    found = [(score(set(text_words(candidate))), candidate) for candidate in _candidates(context, question)]
    return max(found, key=_score)[1] if found else ""


def _score(found: tuple[float, str]) -> float:
    return found[0]


def _places(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield each word or sign in lower case, with its range of characters."""
    for match in re.finditer(WORD_PATTERN, text):
        yield match[0].lower(), *match.span()


def _candidates(context: str, question: str) -> list[str]:
    asked = text_words(question)
    grams = {*asked, *itertools.pairwise(asked)}
    sentences = _sentences(context)
    overlaps = [len(grams & {*words, *itertools.pairwise(words)}) for words in map(text_words, sentences)]
    most = max(overlaps, default=0)
    best = [sentence for sentence, overlap in zip(sentences, overlaps, strict=True) if overlap == most]
    return [run for sentence in best for run in _runs(sentence, set(asked))]


def _runs(sentence: str, asked: set[str]) -> list[str]:
    """Return the longest runs of words of a sentence that could answer a question."""
    runs, start, end = list[str](), -1, -1
    for word, first, last in [*_places(sentence), ("", len(sentence), len(sentence))]:
        if any(map(str.isalnum, word)) and word not in asked and word not in _FUNCTION_WORDS:
            start, end = (first if start < 0 else start), last
        elif start >= 0 and not _joins(sentence, first, last):
            runs.append(sentence[start:end])
            start = -1
    return runs


def _joins(sentence: str, first: int, last: int) -> bool:
    """Say whether a sign stands inside a word: 2.7, 24–10."""
    around = sentence[max(0, first - 1) : first], sentence[first:last], sentence[last : last + 1]
    return [part.isalnum() for part in around] == [True, False, True]


def _sliding_window(words: Sequence[str], asked: set[str]) -> Callable[[set[str]], float]:
    """Return what says, of the words of a candidate, the greatest weight of these and of those that are asked for in any window of as many."""
    places: dict[str, list[int]] = {}
    for place, word in enumerate(words):
        places.setdefault(word, []).append(place)

    def weigh(wanted: set[str], values: np.ndarray) -> np.ndarray:
        for word in wanted & places.keys():
            values[places[word]] = math.log1p(1.0 / len(places[word]))
        return values

    of_question = weigh(asked, np.zeros(len(words)))

    def score(candidate: set[str]) -> float:
        sums = np.concatenate([[0.0], np.cumsum(weigh(candidate - asked, of_question.copy()))])
        size = min(len(asked | candidate), len(words))
        return float((sums[size:] - sums[: len(sums) - size]).max())

    return score


_Baseline = Callable[[Sequence[Example], Sequence[Example]], list[Any]]
_BASELINES: dict[str, dict[str, _Baseline]] = {
    "tags": {"frequent_tags": _frequent_tags},
    "span": {"sliding_window": _sliding_windows},
    "translation": {"copied_source": _copied_source, "similar_source": _similar_source},
    "dialogue": {
        "copied_turn": _copied_turn,
        "lead_1": _first_sentence,
        "lead_3": _first_sentences,
        "similar_context": _similar_context,
    },
}
_LEARNING = (_frequent_tags, _similar_source, _similar_context)

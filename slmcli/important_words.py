"""The most important words of each label over a corpus: explanations of many texts, put together."""

import logging
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any  # Any: JSON documents

import numpy as np

from slmcli.bundle import Bundle
from slmcli.cleaning import clean
from slmcli.config import CorpusSettings, ExplainSettings
from slmcli.errors import BundleError, DataError, DatasetError
from slmcli.explaining import Explaining, describe
from slmcli.faithfulness import measure_deletion
from slmcli.judged_examples import check_same_tokenizer, dataset_of
from slmcli.predictor import Input
from slmcli.reading import read_examples
from slmcli.runtime import start_tensorflow

logger = logging.getLogger(__name__)

_LEAST_TEXTS = 3  # our choice: what a word does in one or two texts is chance
_TELL_SECONDS = 5.0


@dataclass
class _Tally:
    """What a word has done in the texts of a label: the weights of all its places, and in how many texts it stands."""

    weights: list[float] = field(default_factory=list)
    texts: int = 0


def explain_corpus(explaining: Explaining, target: Path) -> dict[str, Any]:
    """Explain a sample of a corpus, and return the words with the highest and the lowest mean weights for each label.

    Each text counts for the label that is explained: the predicted one, or the one asked for. Words are put together as they are after
    cleaning. Only words of three texts of a label or more are listed, unless no word has so many.

    Args:
        explaining: The method, and the settings that say which texts.
        target: Run or bundle that was named; a run knows its dataset.

    Raises:
        DataError: There is no text with a word.
    """
    settings = explaining.settings
    texts, source = _read_texts(explaining, target)
    drawn = _draw(texts, settings)
    tallies: dict[str, dict[str, _Tally]] = defaultdict(lambda: defaultdict(_Tally))
    areas: list[float] = []
    counts: dict[str, int] = defaultdict(int)
    told = time.monotonic()
    for done, text in enumerate(drawn):
        question = explaining.ask(text)
        if not question.size:
            continue
        weights = explaining.weigh(question).weights
        counts[question.output.name] += 1
        _add(tallies[question.output.name], [question.text.word(place) for place in range(question.size)], weights, explaining.bundle)
        if settings.faithfulness:
            areas.append(measure_deletion(question, weights).area_between)
        if time.monotonic() - told >= _TELL_SECONDS:
            told = time.monotonic()
            logger.info("%d of %d texts explained", done + 1, len(drawn))
    if not counts:
        raise DataError(f"{source.get('split') or ', '.join(source['data'])}: none of {len(drawn)} texts has a word that the model reads.")
    return {
        **describe(explaining),
        **source,
        "texts": len(texts),
        "explained": sum(counts.values()),
        "kind": "probability" if explaining.bundle.task.labels else "score",
        "labels": {name: {"texts": counts[name], **_rank(tallies[name], settings.top)} for name in sorted(counts)},
        "mean_area_between": round(float(np.mean(areas)), 6) if areas else None,
    }


def _read_texts(explaining: Explaining, target: Path) -> tuple[list[Input], dict[str, Any]]:
    """Return the texts of files or of a split, and which these are: `data`, a list, or `split`, a name."""
    settings, bundle = explaining.settings, explaining.bundle
    fields = [each for each in bundle.task.fields if not each.is_target]
    if settings.data:
        found = read_examples(settings.data, settings.narrow(CorpusSettings), fields=fields, needs_targets=False)
        return [explaining.input_of(example.values) for example in found], {"data": settings.data}
    dataset = dataset_of(target, None)
    if dataset is None:
        raise BundleError(f"{target} does not know its dataset. Pass --data FILE.")
    check_same_tokenizer(dataset, bundle)
    split: str = settings.split or next((name for name in ("test", "validation") if dataset.examples(name)), "train")
    if not dataset.examples(split):
        raise DatasetError(f"{dataset.path} has no {split} examples; it has {', '.join(dataset.splits)}. Pass another --split, or --data FILE.")
    start_tensorflow(threads=settings.threads)
    return [explaining.input_of(example.values) for example in dataset.read_examples(split, fields)], {"split": split}


def _draw(texts: Sequence[Input], settings: ExplainSettings) -> list[Input]:
    """Return some of the texts in their order, all where they are few."""
    if len(texts) <= settings.texts_drawn:
        return list(texts)
    chosen = np.random.default_rng(settings.seed).choice(len(texts), settings.texts_drawn, replace=False)
    return [texts[place] for place in np.sort(chosen).tolist()]


def _add(tallies: Mapping[str, _Tally], words: Sequence[str], weights: np.ndarray, bundle: Bundle) -> None:
    seen = set()
    for word, weight in zip(words, weights.tolist(), strict=True):
        name = clean(word, bundle.tokenizer.cleaning).strip() or word
        tallies[name].weights.append(weight)
        tallies[name].texts += name not in seen
        seen.add(name)


def _rank(tallies: Mapping[str, _Tally], top: int) -> dict[str, list[dict[str, Any]]]:
    """Return the words with the highest mean weight above 0 as `for`, those with the lowest below 0 as `against`."""
    least = min(_LEAST_TEXTS, max(tally.texts for tally in tallies.values()))
    rows: list[dict[str, Any]] = [
        {"word": word, "weight": round(float(np.mean(tally.weights)), 6), "count": len(tally.weights), "texts": tally.texts}
        for word, tally in tallies.items()
        if tally.texts >= least
    ]
    rows.sort(key=lambda row: (-row["weight"], row["word"]))
    return {"for": [row for row in rows if row["weight"] > 0][:top], "against": [row for row in reversed(rows) if row["weight"] < 0][:top]}

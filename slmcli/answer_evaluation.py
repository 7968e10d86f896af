"""Judge the answers in a file of predictions, of whatever program: scores with intervals, beside baselines, in parts, and mistakes."""

import logging
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # Any: answers of several tasks, JSON documents

import numpy as np

from slmcli.answer_baselines import baseline_answers
from slmcli.config import EvaluateSettings
from slmcli.dataset import Dataset, open_dataset
from slmcli.entrants import check_dataset, find_task, with_labels
from slmcli.errors import ConfigError
from slmcli.evaluation_files import write_report
from slmcli.foreign_predictions import read_predictions
from slmcli.gates import check_gates
from slmcli.intervals import Interval, bootstrap_intervals
from slmcli.judged_examples import read_judged
from slmcli.mistakes import MOST_SHOWN
from slmcli.paired_scores import OF_LABELS, kinds_of, main_difference, mean_scores
from slmcli.pretokens import WORD_PATTERN
from slmcli.reading import Example
from slmcli.slices import length_column, slice_scores, weak_words
from slmcli.tasks.answer_base import AnswerTask
from slmcli.verdict import verdict

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class JudgedAnswers:
    """What a file answers to examples.

    Attributes:
        task: The task, with the labels of the examples.
        examples: The examples.
        counts: (examples, columns), as `task.count` returns them.
        shown: The answers as a person reads them.
        references: As `task.references` returns them.
    """

    task: AnswerTask[Any]
    examples: Sequence[Example]
    counts: np.ndarray
    shown: Sequence[str | list[str]]
    references: np.ndarray


def evaluate_answers(target: Path, settings: EvaluateSettings, *, dataset: Path | None, out: Path) -> dict[str, Any]:
    """Judge a file of predictions, write the report, and return what `--json` prints.

    Args:
        target: The file.
        settings: What is answered, and the examples.
        dataset: The encoded dataset whose training examples baselines learn from, and whose split is judged when no files are named.
        out: Directory of the report.

    Raises:
        SlmError: The file does not answer the examples, or there are none.
    """
    source = None if dataset is None else open_dataset(dataset)
    task = _task_of(target, settings, source)
    check_gates(settings.require, type(task), has_cost=False)
    examples, origin = read_judged(settings, source, task, [])
    if "split" in origin and source is not None:
        origin |= {"dataset": str(source.path), "dataset_fingerprint": source.fingerprint}
    answers, is_matched = read_predictions(target, task, examples)
    if is_matched:
        logger.info("The lines of %s stand in another order than the examples; they were matched by their texts", target)
    logger.info("Scoring %s answers", f"{len(examples):,}")
    judged = JudgedAnswers(task, examples, answers.decisions, answers.shown or [], task.references(examples))
    result = {"task": task.name, "predictions": str(target), **origin, "examples": len(examples), **_score(judged, seed=settings.seed)}
    result |= {"signatures": task.signatures(examples)}
    result |= _compare(judged, source, settings)
    result |= _look_into(judged, settings)
    result["verdict"] = verdict(result, task.headline[0])
    result["report"] = write_report(out, result, task, target, None if source is None else source.path)
    return result


def _task_of(target: Path, settings: EvaluateSettings, source: Dataset | None) -> AnswerTask[Any]:
    if not settings.data and source is None:
        raise ConfigError(f"{target} is a file of predictions, and nothing says what is right. Pass --data FILE, or --dataset DIR.")
    if settings.robustness:
        raise ConfigError(f"--robustness: {target} is a file, which cannot be asked about other texts. Leave the option out.")
    task_class = find_task(settings.task, source)
    if not issubclass(task_class, AnswerTask):
        raise ConfigError(
            f"{target} is a file, and for task {task_class.name} slm evaluate judges a model. Name a run or a bundle; "
            f"files of predictions are judged beside each other by slm compare A B --task {task_class.name} --data FILE."
        )
    task: AnswerTask[Any] = with_labels(task_class, settings, source)
    if source is not None:
        check_dataset(source, task)
    return task


def _score(judged: JudgedAnswers, *, seed: int) -> dict[str, Any]:
    """Return `scores` and `intervals`, and `per_label` where labels have scores of their own."""
    task = judged.task
    rows, kinds = kinds_of(judged.references, judged.counts)
    everything = mean_scores(task, [judged.counts], judged.references, np.ones((1, len(judged.references))))
    scores = {name: round(float(everything[name][0]), 6) for name in task.score_names}

    def score(samples: np.ndarray) -> dict[str, np.ndarray]:
        found = mean_scores(task, [judged.counts[rows]], judged.references[rows], samples)
        f1 = found.get(f"{OF_LABELS}f1", np.zeros((len(samples), 0))).T
        return {**{name: found[name] for name in task.score_names}, **dict(zip(map(str, range(len(f1))), f1, strict=True))}

    intervals = bootstrap_intervals(kinds, score, seed=seed)
    result = {"scores": scores, "intervals": {name: _ends(intervals[name]) for name in task.score_names}}
    if not task.scored_labels:
        return result
    given = Counter(label for example in judged.examples for label in task.scored_labels_of(example))
    per_label = {
        label: {
            **{name: round(float(everything[OF_LABELS + name][0, place]), 6) for name in ("precision", "recall", "f1")},
            "f1_interval": _ends(intervals[str(place)]),
            "examples": given[label],
        }
        for place, label in enumerate(task.scored_labels)
    }
    return {**result, "per_label": per_label, "unit_of_labels": task.unit_of_labels}


def _ends(interval: Interval) -> list[float]:
    return [round(interval.low, 6), round(interval.high, 6)]


def _compare(judged: JudgedAnswers, source: Dataset | None, settings: EvaluateSettings) -> dict[str, Any]:
    """Return the scores of `baselines`, and the `difference` to the best of them."""
    task = judged.task
    if not settings.baselines:
        return {"baselines": {}, "difference": None}
    train = [] if source is None else [example for example in source.read_examples("train", task.fields) if task.has_target(example)]
    found = baseline_answers(task.baselines, train, judged.examples)
    if not found:
        logger.info("No baseline: they learn from training examples. Pass --dataset DIR with a dataset of these")
        return {"baselines": {}, "difference": None}
    counts = {name: task.count(answered.answers, judged.examples) for name, answered in found.items()}
    rows = {
        name: {**{score: round(value, 6) for score, value in task.score(counts[name], judged.references).items()}, "seconds": answered.seconds}
        for name, answered in found.items()
    }
    best = max(rows, key=lambda name: rows[name][task.headline[0]])
    difference = main_difference(task, judged.references, counts[best], judged.counts, seed=settings.seed)
    return {"baselines": rows, "difference": {"baseline": best, **difference}}


def _look_into(judged: JudgedAnswers, settings: EvaluateSettings) -> dict[str, Any]:
    """Return `slices`, `weak_words` and `mistakes`."""
    task, examples = judged.task, judged.examples
    texts = [task.input_text(example) for example in examples]
    are_right = task.are_right(judged.counts)
    weak = weak_words(texts, ~are_right, _words) if task.is_right_or_wrong else []
    return {
        "slices": slice_scores(task, _columns(task, examples, texts, settings.slice_by), judged.counts, judged.references, seed=settings.seed),
        "weak_words": weak,
        "mistakes": _mistakes(judged, are_right),
        "label_issues": {},
    }


def _columns(task: AnswerTask[Any], examples: Sequence[Example], texts: Sequence[str], slice_by: Sequence[str]) -> dict[str, list[str]]:
    """Return the value of each example by the name of what it is divided by: its length, what its task and the user name."""
    parts = [task.parts(example) for example in examples]
    columns = {"length": length_column(texts), **{name: [part[name] for part in parts] for name in parts[0]}}
    columns = {name: values for name, values in columns.items() if name == "length" or len(set(values)) > 1}
    return columns | {name: [example.values[name] or "" for example in examples] for name in dict.fromkeys(slice_by)}


def _words(text: str) -> list[str]:
    return re.findall(WORD_PATTERN, text.lower())


def _mistakes(judged: JudgedAnswers, are_right: np.ndarray) -> list[dict[str, Any]]:
    """Return the answers with the lowest scores, of equal ones those in which there is most to be wrong."""
    task = judged.task
    each = task.score_sums(judged.counts)[0]
    main, other = (each[name] for name in task.headline)
    wrong = np.flatnonzero(~are_right)
    order = wrong[np.lexsort((-judged.counts.sum(axis=1)[wrong], other[wrong], main[wrong]))][:MOST_SHOWN]
    return [
        {
            "source": judged.examples[row].source,
            "row": judged.examples[row].row,
            "text": task.input_text(judged.examples[row]),
            "reference": task.right_answer(judged.examples[row]),
            "predicted": judged.shown[row],
            "score": round(float(main[row]), 6),
        }
        for row in order
    ]

"""Judge a model: scores with intervals, beside baselines, in parts; mistakes, cost, and the report of all that."""

import functools
import logging
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any  # Any: JSON documents

import numpy as np

from slmcli.answer_evaluation import evaluate_answers
from slmcli.baseline_cache import cached_predictions
from slmcli.baselines import Answered, Prediction, baseline_predictions
from slmcli.bundle import Bundle, find_bundle, open_bundle, open_language_bundle
from slmcli.cleaning import clean
from slmcli.config import EvaluateSettings
from slmcli.corpus_identity import LANGUAGE_MODEL
from slmcli.cost import measure_cost
from slmcli.dataset import Dataset
from slmcli.entrants import check_asked_task
from slmcli.errors import BundleError, ConfigError, OutputError
from slmcli.evaluation_files import write_report
from slmcli.explained_mistakes import explain_mistakes
from slmcli.files import check_directory, check_replaceable_file, read_json
from slmcli.gates import check_gates
from slmcli.judged_examples import check_same_labels, check_same_tokenizer, dataset_of, examples_to_judge
from slmcli.language_evaluation import judge_language_model
from slmcli.mistakes import is_wrong, likely_wrong_labels, worst_mistakes
from slmcli.paired_scores import main_difference
from slmcli.prediction_files import write_predictions
from slmcli.predictor import Predictor
from slmcli.pretokens import WORD_PATTERN
from slmcli.reading import Example
from slmcli.robustness import measure_robustness
from slmcli.runtime import start_tensorflow
from slmcli.slices import slice_columns, slice_scores, weak_words
from slmcli.tasks.base import TrainableTask
from slmcli.tasks.language_model import LanguageModel
from slmcli.tokenizers.base import Tokenizer
from slmcli.verdict import verdict

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Judged:
    """What a model says of examples, beside what is right.

    Attributes:
        task: The task.
        examples: The examples.
        probabilities: (examples, width), as `Predictor.probabilities` returns them.
        references: As `task.references` returns them.
        examples_per_second: How fast it was, tokenization included.
    """

    task: TrainableTask
    examples: Sequence[Example]
    probabilities: np.ndarray
    references: np.ndarray
    examples_per_second: float


def evaluate(
    target: Path, settings: EvaluateSettings, *, dataset: Path | None, out: Path | None, predictions: Path | None = None, overwrite: bool = False
) -> dict[str, Any]:
    """Judge a run, a bundle, or a file of predictions, write the report, and return what `--json` prints.

    Args:
        target: The run, the bundle, or the file of predictions, which goes to `evaluate_answers`.
        settings: What to judge, and by which examples.
        dataset: The encoded dataset; None: the one that the run was trained on.
        out: Directory of the report; None: inside the run, beside the bundle.
        predictions: Where to write what the model says of each example; None: nowhere.
        overwrite: Whether an existing file of predictions may be replaced.
    """
    place = out or _default_out(target)
    _check_place(place)
    if not target.exists():
        raise BundleError(f"{target} does not exist. Name a run, a bundle, or a file of predictions.")
    if target.is_file():
        if predictions is not None:
            raise ConfigError(f"--predictions: {target} is a file of predictions already. Leave the option out.")
        return evaluate_answers(target, settings, dataset=dataset, out=place)
    if predictions is not None:
        check_replaceable_file(predictions, overwrite=overwrite, inputs=settings.data, option="--predictions")
    is_language_model = find_bundle(target)[1].get("task") == LANGUAGE_MODEL
    result, task, source = (_judge_language_model if is_language_model else _judge_bundle)(target, settings, dataset, predictions)
    result["report"] = write_report(place, result, task, target, None if source is None else source.path)
    return result


def _judge_language_model(
    target: Path, settings: EvaluateSettings, dataset: Path | None, predictions: Path | None
) -> tuple[dict[str, Any], LanguageModel, Dataset | None]:
    check_asked_task(settings.task, target, LanguageModel([]))
    source = dataset_of(target, dataset, is_needed=settings.baselines or not settings.data)
    result = judge_language_model(target, open_language_bundle(target), settings, source, predictions=predictions)
    return result, LanguageModel([]), source


def _judge_bundle(
    target: Path, settings: EvaluateSettings, dataset: Path | None, predictions: Path | None
) -> tuple[dict[str, Any], TrainableTask, Dataset | None]:
    bundle = open_bundle(target)
    task = bundle.task
    check_asked_task(settings.task, target, task)
    check_gates(settings.require, type(task), has_cost=settings.cost)
    source = dataset_of(target, dataset, is_needed=settings.baselines or not settings.data)
    if source is not None:
        (check_same_labels if settings.data else check_same_tokenizer)(source, bundle)
    examples, origin = examples_to_judge(target, settings, source, bundle)
    predictor = Predictor(bundle, threads=settings.threads)
    judged = _ask(predictor, examples, settings)
    logger.info("Scoring %s examples", f"{len(examples):,}")
    result = {"task": task.name, **origin, **_judge(judged, seed=settings.seed), "examples_per_second": judged.examples_per_second}
    result |= _compare(judged, source, bundle, settings)
    result |= _look_into(judged, bundle, settings)
    ask = functools.partial(predictor.probabilities, batch_size=settings.batch_size)
    result["mistakes"] = explain_mistakes(result["mistakes"], bundle, ask)
    if settings.robustness:
        logger.info("Changing the texts and asking again")
        result["robustness"] = measure_robustness(ask, examples, task, seed=settings.seed)
    if settings.cost:
        logger.info("Measuring what the model costs")
        result["cost"] = measure_cost(bundle, [example.values for example in examples], threads=settings.threads, seed=settings.seed)
    result["verdict"] = verdict(result, task.headline[0], lacks_dataset=source is None and settings.baselines)
    if predictions is not None:
        write_predictions(predictions, task, examples, judged.probabilities, judged.references)
    return result, task, source


def _ask(predictor: Predictor, examples: Sequence[Example], settings: EvaluateSettings) -> Judged:
    """Let the model say something of each example."""
    task = predictor.bundle.task
    started = time.perf_counter()
    probabilities = predictor.probabilities([example.values for example in examples], batch_size=settings.batch_size)
    seconds = max(1e-9, time.perf_counter() - started)
    return Judged(task, examples, probabilities, task.references(examples), round(len(examples) / seconds, 1))


def _judge(judged: Judged, *, seed: int) -> dict[str, Any]:
    judgement = judged.task.judge(judged.probabilities, judged.references, seed=seed)
    return {
        "examples": len(judged.examples),
        **judgement,
        "scores": {name: round(value, 6) for name, value in judgement["scores"].items()},
        "intervals": {name: [round(bound, 6) for bound in asdict(interval).values()] for name, interval in judgement["intervals"].items()},
    }


def _compare(judged: Judged, dataset: Dataset | None, bundle: Bundle, settings: EvaluateSettings) -> dict[str, Any]:
    """Return the scores of `baselines`, and the `difference` to the best of them with its interval; nothing to compare without a dataset."""
    if dataset is None or not settings.baselines:
        return {"baselines": {}, "difference": None}
    task, main = judged.task, judged.task.headline[0]
    found = _baselines(judged, dataset, bundle, settings.threads)
    rows = {}
    for name, prediction in found.items():
        scores = {score: round(value, 6) for score, value in task.score(prediction.answers, judged.references).items()}
        rows[name] = {**scores, "seconds": prediction.seconds}
    best = max(rows, key=lambda name: rows[name][main])
    return {"baselines": rows, "difference": {"baseline": best, **_difference(judged, found[best].answers, seed=settings.seed)}}


def _baselines(judged: Judged, dataset: Dataset, bundle: Bundle, threads: int) -> dict[str, Prediction]:
    """Return what baselines say that were trained on the texts the model was trained on."""
    task = judged.task
    texts = [tuple(task.texts(example)) for example in judged.examples]

    def train() -> dict[str, Prediction]:
        start_tensorflow(threads=threads)
        examples = list(dataset.read_examples("train", task.fields))
        answered = Answered([tuple(task.texts(example)) for example in examples], task.references(examples))
        return baseline_predictions(task.baselines, answered, texts, word_splitter(bundle.tokenizer))

    identity = (task.name, task.baselines, dataset.fingerprint, bundle.manifest["tokenizer_fingerprint"], *task.labels)
    return cached_predictions(dataset.path, identity, texts, train)


def _difference(judged: Judged, answers: np.ndarray, *, seed: int) -> dict[str, Any]:
    """Return what `main_difference` says of the model against other answers."""
    return main_difference(judged.task, judged.references, answers, judged.task.decide(judged.probabilities), seed=seed)


def _look_into(judged: Judged, bundle: Bundle, settings: EvaluateSettings) -> dict[str, Any]:
    """Return `slices`, `weak_words`, `mistakes` and `label_issues`."""
    task, examples, decided = judged.task, judged.examples, judged.task.decide(judged.probabilities)
    texts = ["\n".join(task.texts(example)) for example in examples]
    columns = slice_columns(task, examples, settings.slice_by)
    weak = [] if task.output_loss == "square" else weak_words(texts, is_wrong(decided, judged.references), word_splitter(bundle.tokenizer))
    return {
        "slices": slice_scores(task, columns, decided, judged.references, seed=settings.seed),
        "weak_words": weak,
        "mistakes": worst_mistakes(task, examples, judged.probabilities, judged.references),
        "label_issues": likely_wrong_labels(task, examples, judged.probabilities, judged.references),
    }


def word_splitter(tokenizer: Tokenizer) -> Callable[[str], list[str]]:
    """Return how a baseline splits a text: into the model's words where it has some, else into words and single Han characters."""
    if tokenizer.is_one_piece:
        return tokenizer.tokenize
    find = re.compile(WORD_PATTERN).findall
    return lambda text: find(clean(text, tokenizer.cleaning))


def _default_out(target: Path) -> Path:
    return target / "evaluation" if (target / "run.json").exists() else target.resolve().with_name(f"{target.resolve().name}-evaluation")


def _check_place(out: Path) -> None:
    """Refuse to put a report where none can be written, or something else stands under its name."""
    check_directory(out)
    for name in ("dataset.json", "run.json", "manifest.json"):
        if (out / name).exists():
            raise OutputError(f"{out} holds a {name}; a report would not belong there. Choose another --out.")
    report = out / "report.json"
    if (report.exists() or (out / "report.md").exists()) and not (report.is_file() and "verdict" in read_json(report)):
        raise OutputError(f"{out} holds a report that slm evaluate did not write. Choose another --out.")

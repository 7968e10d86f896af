"""Judge a model: scores with intervals, per label, beside baselines; gates; the report."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any  # Any: JSON documents

import numpy as np

from slmcli.baselines import BASELINE_NAMES, baseline_scores
from slmcli.bundle import Bundle, open_bundle
from slmcli.cleaning import clean
from slmcli.config import CorpusSettings, EvaluateSettings
from slmcli.dataset import Dataset, open_dataset
from slmcli.errors import BundleError, ConfigError, DataError, DatasetError, OutputError
from slmcli.files import explain_write_errors, read_json, write_json, write_text
from slmcli.metrics import classification_scores, confusion_matrix, log_loss, per_label_scores, score_intervals
from slmcli.predictor import Predictor
from slmcli.pretokens import WORD_PATTERN
from slmcli.reading import Example, read_examples
from slmcli.registry import hint
from slmcli.run import Run
from slmcli.runtime import start_tensorflow
from slmcli.tokenizers.base import Tokenizer

FORMAT_VERSION = 1
_MAIN_SCORE = "accuracy"
SCORES = ("accuracy", "balanced_accuracy", "macro_precision", "macro_recall", "macro_f1", "log_loss")
_LOWER_IS_BETTER = frozenset({"log_loss"})


def dataset_of(target: Path, dataset: Path | None) -> Dataset | None:
    """Return the dataset to use: the one named, else the one the run was trained on, else None.

    Raises:
        DatasetError: The run's dataset is gone or was made anew since.
    """
    if dataset is not None:
        return open_dataset(dataset)
    if not (target / "run.json").exists():
        return None
    document = Run(target).read()
    path = Path(document["dataset"])
    if not path.exists():
        return None
    found = open_dataset(path)
    if found.fingerprint != document["dataset_fingerprint"]:
        raise DatasetError(
            f"{path} was made anew since {target} was trained ({found.fingerprint}, was {document['dataset_fingerprint']}). "
            "Train again, or pass --dataset DIR with the old one."
        )
    return found


def check_same_tokenizer(dataset: Dataset, bundle: Bundle) -> None:
    """Refuse a dataset whose texts or labels are not those of the model."""
    found, wanted = dataset.description["tokenizer_fingerprint"], bundle.manifest["tokenizer_fingerprint"]
    if found != wanted:
        raise DatasetError(
            f"{dataset.path} was encoded with tokenizer {found}, the model has {wanted}. "
            "Pass --dataset DIR with the dataset it was trained on, or --data FILE to slm evaluate."
        )
    if dataset.labels != bundle.task.labels:
        raise DatasetError(f"{dataset.path} has the labels {', '.join(dataset.labels[:20])}; the model has {', '.join(bundle.task.labels[:20])}.")


def evaluate(target: Path, settings: EvaluateSettings, *, dataset: Path | None, out: Path | None) -> dict[str, Any]:
    """Score a run or a bundle, write report.json and report.md, and return what `--json` prints."""
    check_gates(settings.require)
    place = out or _default_out(target)
    _check_place(place)
    bundle = open_bundle(target)
    source = dataset_of(target, dataset)
    if source is not None and not settings.data:
        check_same_tokenizer(source, bundle)
    examples, origin = _examples(target, settings, source)
    pairs = _label_ids(examples, bundle.task.labels)
    predictor = Predictor(bundle, threads=settings.threads)
    started = time.perf_counter()
    probabilities = predictor.probabilities([text for text, _ in pairs], batch_size=settings.batch_size)
    seconds = time.perf_counter() - started
    result = {"task": bundle.task.name, **origin, **_judge(pairs, probabilities, bundle.task.labels, seed=settings.seed)}
    result["examples_per_second"] = round(len(pairs) / max(1e-9, seconds), 1)
    result["baselines"] = _baselines(source, pairs, predictor, settings.threads) if settings.baselines else {}
    result["verdict"] = _verdict(result)
    result["report"] = _write_report(place, result)
    return result


def _examples(target: Path, settings: EvaluateSettings, dataset: Dataset | None) -> tuple[list[Example], dict[str, Any]]:
    if settings.data:
        return list(read_examples(settings.data, settings.narrow(CorpusSettings))), {"data": settings.data}
    if dataset is None:
        raise BundleError(f"{target} does not know its dataset. Pass --data FILE, or --dataset DIR.")
    split: str = settings.split or next((name for name in ("test", "validation") if dataset.examples(name)), "test")
    if not dataset.examples(split):
        raise DatasetError(f"{dataset.path} has no {split} examples; it has {', '.join(dataset.splits)}. Pass another --split, or --data FILE.")
    start_tensorflow(threads=settings.threads)
    return [Example({"text": e.text, "label": e.label}, str(dataset.path), row) for row, e in enumerate(dataset.read(split), 1)], {"split": split}


def _label_ids(examples: Sequence[Example], labels: Sequence[str]) -> list[tuple[str, int]]:
    """Return (text, label id) pairs, refusing labels that the model does not know."""
    ids = {label: position for position, label in enumerate(labels)}
    pairs = [(example.text, ids[example.label]) for example in examples if example.label in ids]
    if pairs and not any(text.strip() for text, _ in pairs):
        raise DataError(f"{examples[0].source}: every text is empty. Name the right column with --text-column.")
    unknown = [example for example in examples if example.label is not None and example.label not in ids]
    if unknown:
        first = unknown[0]
        raise DataError(
            f"{first.source}:{first.row}: label {first.label!r} is not one of the model's: {', '.join(labels[:20])}. "
            f"{len(unknown)} examples have such labels; correct them, or pass another --label-column.{hint(str(first.label), labels)}"
        )
    if not pairs:
        raise DataError("there is no labelled example to evaluate on. Name the label column with --label-column.")
    return pairs


def _judge(pairs: Sequence[tuple[str, int]], probabilities: np.ndarray, labels: Sequence[str], *, seed: int) -> dict[str, Any]:
    references = np.array([label for _, label in pairs])
    matrix = confusion_matrix(references, probabilities.argmax(axis=1), classes=len(labels))
    scores = {**classification_scores(matrix), "log_loss": log_loss(references, probabilities)}
    intervals = {name: [round(bound, 6) for bound in asdict(interval).values()] for name, interval in score_intervals(matrix, seed=seed).items()}
    return {
        "examples": len(pairs),
        "scores": {name: round(value, 6) for name, value in scores.items()},
        "intervals": intervals,
        "per_label": per_label_scores(matrix, labels),
        "confusion": {"labels": list(labels), "counts": matrix.tolist()},
    }


def _baselines(dataset: Dataset | None, pairs: Sequence[tuple[str, int]], predictor: Predictor, threads: int) -> dict[str, dict[str, float]]:
    """Train the baselines on the texts the model was trained on; none without its dataset."""
    if dataset is None:
        return {}
    start_tensorflow(threads=threads)
    labels = predictor.bundle.task.labels
    train = [(example.text, labels.index(example.label)) for example in dataset.read("train") if example.label in labels]
    return baseline_scores(train, pairs, _word_splitter(predictor.bundle.tokenizer), classes=len(labels))


def _word_splitter(tokenizer: Tokenizer) -> Callable[[str], list[str]]:
    """Return how a baseline splits a text: into the model's words where it has some, else into words and single Han characters."""
    if tokenizer.is_one_piece:
        return tokenizer.tokenize
    find = re.compile(WORD_PATTERN).findall
    return lambda text: find(clean(text, tokenizer.cleaning))


def _verdict(result: Mapping[str, Any]) -> str:
    """Say in a sentence whether the model earns its keep."""
    score, (low, high) = result["scores"][_MAIN_SCORE], result["intervals"][_MAIN_SCORE]
    sentence = f"Accuracy {score:.1%} (95 % interval {low:.1%} to {high:.1%}) on {result['examples']} examples"
    if not result["baselines"]:
        return sentence + "; no baseline was trained."
    name, best = max(result["baselines"].items(), key=lambda item: item[1][_MAIN_SCORE])
    difference = 100 * (score - best[_MAIN_SCORE])
    rival = f"the best baseline, {BASELINE_NAMES[name]} ({best[_MAIN_SCORE]:.1%})"
    if best[_MAIN_SCORE] < low:
        return f"{sentence}: {difference:.1f} points above {rival}."
    if best[_MAIN_SCORE] > high:
        return f"{sentence}: {-difference:.1f} points below {rival}. Use the baseline, or more data."
    return f"{sentence}: not clearly different from {rival}."


def parse_gate(text: str) -> tuple[str, float]:
    """Return the score name and the least value of a gate such as `accuracy=0.9`."""
    name, _, value = text.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError as error:
        raise ConfigError(f"--require {text!r} is not a gate. Write NAME=NUMBER, for example accuracy=0.9.") from error


def check_gates(gates: Sequence[str]) -> None:
    """Refuse gates that cannot be read, or on scores that do not exist, before anything is computed."""
    for name, _ in map(parse_gate, gates):
        if name not in SCORES:
            raise ConfigError(f"--require: there is no score {name!r}. Known: {', '.join(SCORES)}.{hint(name, SCORES)}")


def missed_gates(gates: Sequence[str], scores: Mapping[str, float]) -> str:
    """Return a sentence naming every gate that was missed and by how much, or an empty string."""
    missed = []
    for name, bound in map(parse_gate, gates):
        falls_short = scores[name] > bound if name in _LOWER_IS_BETTER else scores[name] < bound
        if falls_short:
            missed.append(f"{name} is {scores[name]:.4f}, required {bound:g}: missed by {abs(scores[name] - bound):.4f}")
    return "; ".join(missed) + "." if missed else ""


def _default_out(target: Path) -> Path:
    return target / "evaluation" if (target / "run.json").exists() else target.resolve().with_name(f"{target.resolve().name}-evaluation")


def _check_place(out: Path) -> None:
    """Refuse to put a report where something else stands under its name."""
    for name in ("dataset.json", "run.json", "manifest.json"):
        if (out / name).exists():
            raise OutputError(f"{out} holds a {name}; a report would not belong there. Choose another --out.")
    report = out / "report.json"
    if (report.exists() or (out / "report.md").exists()) and not (report.is_file() and "verdict" in read_json(report)):
        raise OutputError(f"{out} holds a report that slm evaluate did not write. Choose another --out.")


def _write_report(out: Path, result: Mapping[str, Any]) -> str:
    with explain_write_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    path = out / "report.json"
    write_json(path, {"format_version": FORMAT_VERSION, **result, "report": str(path)})
    write_text(out / "report.md", _to_markdown(result))
    return str(path)


def _to_markdown(result: Mapping[str, Any]) -> str:
    scores = "".join(f"| {name} | {value:.4f} | {_interval_text(result['intervals'].get(name))} |\n" for name, value in result["scores"].items())
    baselines = "".join(f"| {BASELINE_NAMES[name]} | {row['accuracy']:.4f} | {row['macro_f1']:.4f} |\n" for name, row in result["baselines"].items())
    labels = "".join(
        f"| {label} | {row['precision']:.4f} | {row['recall']:.4f} | {row['f1']:.4f} | {row['examples']} |\n"
        for label, row in result["per_label"].items()
    )
    return (
        f"# Evaluation\n\n{result['verdict']}\n\n| score | value | 95 % interval |\n|---|---|---|\n{scores}\n"
        f"| baseline | accuracy | macro F1 |\n|---|---|---|\n{baselines}\n"
        f"| label | precision | recall | F1 | examples |\n|---|---|---|---|---|\n{labels}"
    )


def _interval_text(interval: Sequence[float] | None) -> str:
    return f"{interval[0]:.4f} to {interval[1]:.4f}" if interval else ""

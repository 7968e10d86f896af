"""Judge a model: scores with intervals, per label, beside baselines; gates; the report."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any  # Any: JSON documents

import numpy as np

from slmcli.baselines import BASELINE_NAMES, Answered, baseline_scores
from slmcli.bundle import Bundle, learns_validation, open_bundle
from slmcli.cleaning import clean
from slmcli.config import CorpusSettings, EvaluateSettings
from slmcli.dataset import Dataset, open_dataset
from slmcli.errors import BundleError, ConfigError, DataError, DatasetError, OutputError
from slmcli.files import explain_write_errors, read_json, write_json, write_text
from slmcli.metrics import CORRELATIONS, LOWER_IS_BETTER
from slmcli.predictor import Predictor
from slmcli.pretokens import WORD_PATTERN
from slmcli.reading import Example, read_examples
from slmcli.registry import hint
from slmcli.run import Run
from slmcli.runtime import start_tensorflow
from slmcli.tasks.base import Task, TrainableTask
from slmcli.tokenizers.base import Tokenizer

FORMAT_VERSION = 1


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
    place = out or _default_out(target)
    _check_place(place)
    bundle = open_bundle(target)
    task = bundle.task
    check_gates(settings.require, type(task))
    source = dataset_of(target, dataset)
    if source is not None and not settings.data:
        check_same_tokenizer(source, bundle)
    found, origin = _examples(target, settings, source, bundle)
    examples = _usable(found, task)
    predictor = Predictor(bundle, threads=settings.threads)
    started = time.perf_counter()
    probabilities = predictor.probabilities([example.values for example in examples], batch_size=settings.batch_size)
    seconds = time.perf_counter() - started
    result = {"task": task.name, **origin, **_judge(task, probabilities, task.references(examples), seed=settings.seed)}
    result["examples_per_second"] = round(len(examples) / max(1e-9, seconds), 1)
    result["baselines"] = _baselines(source, examples, bundle, settings.threads) if settings.baselines else {}
    result["verdict"] = _verdict(result, task.headline[0])
    result["report"] = _write_report(place, result, task.headline)
    return result


def _check_split(split: str, dataset: Dataset, bundle: Bundle) -> None:
    """Refuse to judge a model by what it has learned."""
    if split == "validation" and learns_validation(bundle.manifest) and bundle.manifest["dataset_fingerprint"] == dataset.fingerprint:
        raise ConfigError(
            f"--split validation: the bag of {bundle.path} has learned the validation examples of {dataset.path} too. Its scores before that "
            "are in metrics.json of its run and in its manifest.json. Judge it by --split test or --data FILE, or train with --no-refit."
        )


def _examples(target: Path, settings: EvaluateSettings, dataset: Dataset | None, bundle: Bundle) -> tuple[list[Example], dict[str, Any]]:
    task = bundle.task
    if settings.data:
        return list(read_examples(settings.data, settings.narrow(CorpusSettings), fields=task.fields)), {"data": settings.data}
    if dataset is None:
        raise BundleError(f"{target} does not know its dataset. Pass --data FILE, or --dataset DIR.")
    split: str = settings.split or next((name for name in ("test", "validation") if dataset.examples(name)), "test")
    if not dataset.examples(split):
        raise DatasetError(f"{dataset.path} has no {split} examples; it has {', '.join(dataset.splits)}. Pass another --split, or --data FILE.")
    _check_split(split, dataset, bundle)
    start_tensorflow(threads=settings.threads)
    return list(dataset.read_examples(split, task.fields)), {"split": split}


def _usable(examples: Sequence[Example], task: Task) -> list[Example]:
    """Return the examples that have what is to be predicted, refusing labels that the model does not know."""
    labelled = [example for example in examples if task.has_target(example)]
    option = next(field.option for field in task.fields if field.is_target).removesuffix(" NAME")
    if not labelled:
        raise DataError(f"there is no labelled example to evaluate on. Name the label column with {option}.")
    if not any(text.strip() for example in labelled for text in task.texts(example)):
        raise DataError(f"{labelled[0].source}: every text is empty. Name the right column with --text-column.")
    unknown = [(example, label) for example in labelled for label in task.labels_of(example) if label not in task.label_ids]
    if unknown:
        first, label = unknown[0]
        count = len({id(example) for example, _ in unknown})
        raise DataError(
            f"{first.source}:{first.row}: label {label!r} is not one of the model's: {', '.join(task.labels[:20])}. "
            f"{count} examples have such labels; correct them, or pass another {option}.{hint(label, task.labels)}"
        )
    return labelled


def _judge(task: TrainableTask, probabilities: np.ndarray, references: np.ndarray, *, seed: int) -> dict[str, Any]:
    judgement = task.judge(task.decide(probabilities), references, seed=seed)
    intervals = judgement.pop("intervals")
    return {
        "examples": len(references),
        "scores": {name: round(value, 6) for name, value in task.score_probabilities(probabilities, references).items()},
        "intervals": {name: [round(bound, 6) for bound in asdict(interval).values()] for name, interval in intervals.items()},
        **judgement,
    }


def _baselines(dataset: Dataset | None, examples: Sequence[Example], bundle: Bundle, threads: int) -> dict[str, dict[str, float]]:
    """Train the baselines on the texts the model was trained on; none without its dataset."""
    if dataset is None:
        return {}
    start_tensorflow(threads=threads)
    task = bundle.task
    train, test = (_answered(part, task) for part in (list(dataset.read_examples("train", task.fields)), examples))
    return baseline_scores(task.baselines, train, test, _word_splitter(bundle.tokenizer), task.score)


def _answered(examples: Sequence[Example], task: TrainableTask) -> Answered:
    return Answered([tuple(task.texts(example)) for example in examples], task.references(examples))


def _word_splitter(tokenizer: Tokenizer) -> Callable[[str], list[str]]:
    """Return how a baseline splits a text: into the model's words where it has some, else into words and single Han characters."""
    if tokenizer.is_one_piece:
        return tokenizer.tokenize
    find = re.compile(WORD_PATTERN).findall
    return lambda text: find(clean(text, tokenizer.cleaning))


def _verdict(result: Mapping[str, Any], main: str) -> str:
    """Say in a sentence whether the model earns its keep."""
    score, (low, high) = result["scores"][main], result["intervals"][main]
    name = main.replace("_f1", " F1").capitalize()
    sentence = f"{name} {_number(score, main)} (95 % interval {_number(low, main)} to {_number(high, main)}) on {result['examples']} examples"
    if not result["baselines"]:
        return sentence + "; no baseline was trained."
    baseline, best = max(((name, scores[main]) for name, scores in result["baselines"].items()), key=lambda item: item[1])
    difference = f"{abs(score - best):.3f}" if main in CORRELATIONS else f"{100 * abs(score - best):.1f} points"
    rival = f"the best baseline, {BASELINE_NAMES[baseline]} ({_number(best, main)})"
    if best < low:
        return f"{sentence}: {difference} above {rival}."
    if best > high:
        return f"{sentence}: {difference} below {rival}. Use the baseline, or more data."
    return f"{sentence}: not clearly different from {rival}."


def _number(value: float, name: str) -> str:
    return f"{value:.3f}" if name in CORRELATIONS else f"{value:.1%}"


def parse_gate(text: str) -> tuple[str, float]:
    """Return the score name and the least value of a gate such as `accuracy=0.9`."""
    name, _, value = text.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError as error:
        raise ConfigError(f"--require {text!r} is not a gate. Write NAME=NUMBER, for example accuracy=0.9.") from error


def check_gates(gates: Sequence[str], task: type[Task]) -> None:
    """Refuse gates that cannot be read, or on scores that a task does not have, before anything is computed."""
    known = task.score_names
    for name, _ in map(parse_gate, gates):
        if name not in known:
            raise ConfigError(f"--require: there is no score {name!r} for task {task.name}. Known: {', '.join(known)}.{hint(name, known)}")


def missed_gates(gates: Sequence[str], scores: Mapping[str, float]) -> str:
    """Return a sentence naming every gate that was missed and by how much, or an empty string."""
    missed = []
    for name, bound in map(parse_gate, gates):
        falls_short = scores[name] > bound if name in LOWER_IS_BETTER else scores[name] < bound
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


def _write_report(out: Path, result: Mapping[str, Any], headline: Sequence[str]) -> str:
    with explain_write_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    path = out / "report.json"
    write_json(path, {"format_version": FORMAT_VERSION, **result, "report": str(path)})
    write_text(out / "report.md", _to_markdown(result, headline))
    return str(path)


def _to_markdown(result: Mapping[str, Any], headline: Sequence[str]) -> str:
    scores = "".join(f"| {name} | {value:.4f} | {_interval_text(result['intervals'].get(name))} |\n" for name, value in result["scores"].items())
    main, other = headline
    baselines = "".join(f"| {BASELINE_NAMES[name]} | {row[main]:.4f} | {row[other]:.4f} |\n" for name, row in result["baselines"].items())
    labels = "".join(
        f"| {label} | {row['precision']:.4f} | {row['recall']:.4f} | {row['f1']:.4f} | {row['examples']} |\n"
        for label, row in result.get("per_label", {}).items()
    )
    return (
        f"# Evaluation\n\n{result['verdict']}\n\n| score | value | 95 % interval |\n|---|---|---|\n{scores}"
        + (f"\n| baseline | {main} | {other} |\n|---|---|---|\n{baselines}" if baselines else "")
        + (f"\n| label | precision | recall | F1 | examples |\n|---|---|---|---|---|\n{labels}" if labels else "")
    )


def _interval_text(interval: Sequence[float] | None) -> str:
    return f"{interval[0]:.4f} to {interval[1]:.4f}" if interval else ""

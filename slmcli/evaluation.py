"""Judge a model: scores with intervals, per label, beside baselines; gates; the report."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any  # Any: JSON documents

import numpy as np

from slmcli.baselines import BASELINE_NAMES, Answered, baseline_scores
from slmcli.bundle import Bundle, open_bundle
from slmcli.cleaning import clean
from slmcli.config import EvaluateSettings
from slmcli.dataset import Dataset
from slmcli.errors import OutputError
from slmcli.files import explain_write_errors, read_json, write_json, write_text
from slmcli.gates import check_gates
from slmcli.judged_examples import check_same_tokenizer, dataset_of, examples_to_judge
from slmcli.metrics import CORRELATIONS
from slmcli.predictor import Predictor
from slmcli.pretokens import WORD_PATTERN
from slmcli.reading import Example
from slmcli.runtime import start_tensorflow
from slmcli.tasks.base import TrainableTask
from slmcli.tokenizers.base import Tokenizer

FORMAT_VERSION = 1


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
    examples, origin = examples_to_judge(target, settings, source, bundle)
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

"""The report of an evaluation as files: report.json for programs, report.md and report.html for people."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any  # Any: JSON documents

import yaml

from slmcli.errors import SlmError
from slmcli.files import explain_write_errors, read_json, write_json, write_text
from slmcli.report.evaluation_page import Background, render_evaluation
from slmcli.score_words import BASELINE_NAMES
from slmcli.tasks.answer_base import AnswerTask
from slmcli.tasks.base import JudgedTask
from slmcli.tasks.language_model import LanguageModel

FORMAT_VERSION = 2


def write_report(out: Path, result: Mapping[str, Any], task: JudgedTask | LanguageModel, target: Path, dataset: Path | None) -> str:
    """Write report.json, report.md and report.html; return the path of the first.

    Args:
        out: Their directory.
        result: What the evaluation returns.
        task: The task.
        target: The run, bundle or file of predictions that was judged; of a run, the page shows how it was trained.
        dataset: The dataset that it was trained on, whose report the page shows; None when that is not known.
    """
    with explain_write_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    path = out / "report.json"
    document = {"format_version": FORMAT_VERSION, **result, "report": str(path)}
    text = _to_markdown(result, task.headline)
    page = render_evaluation(document, _background(target, dataset), main=task.headline[0], texts=_text_fields(task))
    write_json(path, document)
    write_text(out / "report.md", text)
    write_text(out / "report.html", page)
    return str(path)


def _text_fields(task: JudgedTask | LanguageModel) -> list[str]:
    if isinstance(task, AnswerTask):
        return ["text"]
    return [field.name for field in task.fields if not field.is_target]


def _background(target: Path, dataset: Path | None) -> Background:
    """Read how a model was made; what is missing or damaged is left out."""
    manifest = next((place / "manifest.json" for place in (target / "bundle", target) if (place / "manifest.json").is_file()), None)
    return Background(
        name=target.resolve().name if target.resolve().name != "run" else "/".join(target.resolve().parts[-2:]),
        manifest=_document(manifest),
        settings=_settings(target / "config.yaml"),
        environment=_document(target / "environment.json"),
        epochs=_epochs(target / "log.jsonl"),
        data=_document(None if dataset is None else dataset / "report.json"),
    )


def _document(path: Path | None) -> dict[str, Any]:
    if path is None or not path.is_file():
        return {}
    try:
        found = read_json(path)
    except SlmError:
        return {}
    return found if isinstance(found, dict) else {}


def _settings(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, yaml.YAMLError):
        return {}
    return next(iter(found.values()), {}) if isinstance(found, dict) else {}


def _epochs(path: Path) -> list[dict[str, Any]]:
    """Return what the log of a run says at the end of each epoch, as far as it can be read."""
    found = []
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            event = json.loads(line)
            if event["event"] == "epoch" and "loss" in event:
                found.append(event)
    except (OSError, ValueError, TypeError, KeyError):
        return found
    return found


def _to_markdown(result: Mapping[str, Any], headline: Sequence[str]) -> str:
    scores = "".join(f"| {name} | {value:.4f} | {_interval_text(result['intervals'].get(name))} |\n" for name, value in result["scores"].items())
    main, other = headline
    baselines = "".join(f"| {BASELINE_NAMES[name]} | {row[main]:.4f} | {row[other]:.4f} |\n" for name, row in result["baselines"].items())
    labels = "".join(
        f"| {_cell(label)} | {row['precision']:.4f} | {row['recall']:.4f} | {row['f1']:.4f} | {row['examples']} |\n"
        for label, row in result.get("per_label", {}).items()
    )
    slices = "".join(
        f"| {_cell(row['by'])} | {_cell(row['value'])} | {row['examples']} | {row['score']:.4f} | {_interval_text(row['interval'])} |\n"
        for row in result["slices"]
    )
    cost = "".join(f"| {name} | {result['cost'][name]:,} |\n" for name in result["cost"]) if "cost" in result else ""
    return (
        f"# Evaluation\n\n{result['verdict']}\n\n| score | value | 95 % interval |\n|---|---|---|\n{scores}"
        + "".join(f"\n{name}: `{signature}`\n" for name, signature in result.get("signatures", {}).items())
        + (f"\n| baseline | {main} | {other} |\n|---|---|---|\n{baselines}" if baselines else "")
        + (f"\n| label | precision | recall | F1 | {result.get('unit_of_labels', 'examples')} |\n|---|---|---|---|---|\n{labels}" if labels else "")
        + (f"\n| slice by | value | examples | {main} | 95 % interval |\n|---|---|---|---|---|\n{slices}" if slices else "")
        + (f"\n{result['robustness']['sentence']}\n" if "robustness" in result else "")
        + (f"\n| cost | value |\n|---|---|\n{cost}" if cost else "")
    )


def _cell(text: str) -> str:
    """Return a text that is one cell of a table, whatever it holds."""
    return " ".join(text.split()).replace("|", "\\|")


def _interval_text(interval: Sequence[float] | None) -> str:
    return f"{interval[0]:.4f} to {interval[1]:.4f}" if interval else ""

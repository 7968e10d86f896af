"""Pretrain a language model on a dataset: settle the settings, train, judge, write the bundle."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any  # Any: JSON documents

from slmcli.bundle import write_bundle
from slmcli.corpus_identity import LANGUAGE_MODEL
from slmcli.dataset import Dataset
from slmcli.execution import Execution, expected_seconds, start_execution
from slmcli.files import read_json, write_json
from slmcli.pretrain_plan import PretrainPlan, WordVectors, plan_pretraining, sizes_by_clock
from slmcli.pretraining_session import PretrainingSession
from slmcli.recipe_files import to_yaml
from slmcli.run import FORMAT_VERSION, Run, is_up_to_date, start_run
from slmcli.runtime import describe_environment
from slmcli.tasks import TASKS

_WIDE = 256  # our choice, by measurement
# in run.json: sizes that were chosen by the speed of the machine
_SIZES = "sizes_by_clock"

Report = Callable[[Mapping[str, Any]], None]


def pretrain(
    dataset: Dataset,
    values: Mapping[str, Any],
    out: Path,
    *,
    source: str,
    resume: bool,
    overwrite: bool,
    report: Report,
    is_alone: bool = True,
) -> dict[str, Any]:
    """Train unless a finished run with the same settings and data stands at `out`.

    Args:
        dataset: The encoded dataset: of running text, or of labelled texts, whose labels are then not looked at.
        values: Flat settings of training and backbone.
        out: The run directory.
        source: Where the settings come from, for messages.
        resume: Go on with an unfinished run.
        overwrite: Replace what stands there.
        report: Told of every step and judgement.
        is_alone: Whether nothing else is trained in this process, so that its threads can be divided as is best here (`divided_steps`).

    Returns:
        The summary that `--json` prints.

    Raises:
        Interrupted: A signal came; the last checkpoint holds the state after the step that was in work.
    """
    plan, sizes = _plan(dataset, values, out, source=source, overwrite=overwrite)
    fingerprint = plan.fingerprint(dataset)
    if is_up_to_date(out, fingerprint) and not overwrite:
        return {**_summary_of(out), "up_to_date": True}
    begun = read_json(out / "environment.json") if resume and (out / "environment.json").exists() else None
    run = start_run(
        out,
        fingerprint,
        files={"config.yaml": to_yaml({"pretrain": plan.flat()})},
        facts={
            "command": "pretrain",
            "task": LANGUAGE_MODEL,
            "dataset": str(dataset.path.resolve()),
            "dataset_fingerprint": dataset.fingerprint,
            _SIZES: sizes,
        },
        resume=resume,
        overwrite=overwrite,
    )
    with run.locked():
        found = start_execution(
            plan.settings, seconds=_estimated_seconds(dataset, plan), begun=begun, is_wide=_is_wide(plan), step=plan.step if is_alone else None
        )
        execution = replace(found, devices=found.devices[:1])
        write_json(run.path / "environment.json", {"format_version": FORMAT_VERSION, **describe_environment(), **execution.describe()})
        return _train(dataset, plan, run, execution, report)


def _plan(dataset: Dataset, values: Mapping[str, Any], out: Path, *, source: str, overwrite: bool) -> tuple[PretrainPlan, dict[str, int]]:
    """Return what to do, and which sizes the clock decides: of a run that stands at `out` those it was begun with, however fast this machine is."""
    plan = plan_pretraining(values, dataset, source=source)
    asked = {str(name).replace("-", "_") for name, value in values.items() if value is not None}
    left_open = {"units", "batch_size"} - asked
    if (out / "run.json").exists() and not overwrite:
        sizes = {name: size for name, size in Run(out).read().get(_SIZES, {}).items() if name in left_open}
    else:
        sizes = sizes_by_clock(plan, dataset, left_open)
    return (plan_pretraining({**values, **sizes}, dataset, source=source) if sizes else plan), sizes


def _is_wide(plan: PretrainPlan) -> bool:
    """Say whether products decide how long a step takes: from 256 units on (docs/decisions.md)."""
    return getattr(plan.backbone, "units", 0) >= _WIDE


def _estimated_seconds(dataset: Dataset, plan: PretrainPlan) -> float:
    if plan.settings.max_minutes:
        return 60 * plan.settings.max_minutes
    tokens = sum(length * count for length, count in dataset.length_histogram("train").items())
    return expected_seconds(plan.settings.backbone, tokens=tokens * (plan.settings.epochs or 1))


def _summary_of(out: Path) -> dict[str, Any]:
    summary = read_json(out / "metrics.json", format_version=FORMAT_VERSION)
    kept = {name: value for name, value in summary.items() if name not in ("history", "format_version")}
    return {**kept, "run": str(out), "bundle": str(Run(out).bundle)}


def _session(dataset: Dataset, plan: PretrainPlan, run: Run, execution: Execution) -> Any:
    """Return the training of a language model, or of vectors of words."""
    if not isinstance(plan.backbone, WordVectors):
        return PretrainingSession(dataset, plan, run, execution)
    from slmcli.word_vector_session import WordVectorSession

    return WordVectorSession(dataset, plan, run)


def _train(dataset: Dataset, plan: PretrainPlan, run: Run, execution: Execution, report: Report) -> dict[str, Any]:
    """Train, judge the best model, write bundle, metrics.json and the end of run.json; return the summary."""
    run.make_directories()
    session = _session(dataset, plan, run, execution)
    session.fit(report)
    model = session.best_model()
    found, intervals = session.judge()
    scores = {name: round(value, 6) for name, value in found.items()}
    summary = {
        "run": str(run.path),
        "bundle": str(run.bundle),
        "objective": plan.settings.objective,
        "backbone": plan.settings.backbone,
        **session.summary(),
        "parameters": model.count_params(),
        "trainable_parameters": model.count_params(),
        "scores": scores,
        "intervals": {name: [round(interval.low, 6), round(interval.high, 6)] for name, interval in intervals.items()},
    }
    write_bundle(
        run.bundle,
        model,
        task=TASKS.load(LANGUAGE_MODEL)([]),
        tokenizer=session.tokenizer,
        ngrams=None,
        settings={"encoding": dataset.encoding.model_dump(), "length": None, "pretrain": plan.shared()},
        facts={
            "objective": plan.settings.objective,
            "backbone": plan.settings.backbone,
            "parameters": model.count_params(),
            "scores": scores,
            "dataset_fingerprint": dataset.fingerprint,
            "licence": plan.settings.licence,
        },
        overwrite=True,
    )
    write_json(run.path / "metrics.json", {"format_version": FORMAT_VERSION, **summary, "history": session.progress.history})
    run.write({**run.read(), "status": "complete"})
    return summary

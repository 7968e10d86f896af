"""Train a model on a dataset: settle the settings, let teachers label what has none, train the members, find out what else was asked for."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any  # Any: JSON documents

from slmcli.backbones.bag import Bag
from slmcli.backbones.base import Backbone
from slmcli.branch_settings import Plan, split_settings
from slmcli.compatibility import check_compatible
from slmcli.corpus_identity import UNLABELLED
from slmcli.dataset import Dataset
from slmcli.execution import expected_seconds, start_execution
from slmcli.files import read_json, write_json
from slmcli.initial_vectors import load_initial_vectors
from slmcli.members import Report, Training, places_of
from slmcli.plan import fingerprint, settle
from slmcli.recipe_files import to_yaml
from slmcli.run import FORMAT_VERSION, Run, is_up_to_date, start_run
from slmcli.runtime import describe_environment
from slmcli.self_training import (
    check_self_training,
    compare_with_teachers,
    expect_learned,
    forget_teachers,
    settings_of_teacher,
    share_of_time,
    teach,
)
from slmcli.studies import prepare_studies
from slmcli.tasks import TASKS

logger = logging.getLogger(__name__)


def finetune(dataset: Dataset, values: Mapping[str, Any], out: Path, *, source: str, resume: bool, overwrite: bool, report: Report) -> dict[str, Any]:
    """Train unless a finished run with the same settings and data stands at `out`; then find out what else was asked for and is not known.

    Args:
        dataset: The encoded dataset.
        values: Flat settings of training and branches.
        out: The run directory.
        source: Where the settings come from, for messages.
        resume: Go on with an unfinished run.
        overwrite: Replace what stands there.
        report: Told of every step and epoch.

    Returns:
        The summary that `--json` prints.

    Raises:
        Interrupted: A signal came; the last checkpoint holds the state after the step that was in work.
    """
    plan = _plan(dataset, values if overwrite else _as_begun(values, out), source)
    _look_at_texts(dataset, plan)
    return _carry_out(dataset, plan, out, resume=resume, overwrite=overwrite, report=report)


def _train_for_another(dataset: Dataset, values: Mapping[str, Any], out: Path, *, source: str, **options: Any) -> dict[str, Any]:
    """Do the same for a teacher, or a part of a study, whose texts without labels have been looked at."""
    return _carry_out(dataset, _plan(dataset, values, source), out, **options)


def _plan(dataset: Dataset, values: Mapping[str, Any], source: str) -> Plan:
    """Settle the settings by what will be learned from."""
    plan = split_settings(values, source=source)
    check_compatible(dataset, plan.settings)
    check_self_training(dataset, plan)
    return settle(plan, expect_learned(dataset, plan.settings))


def _carry_out(dataset: Dataset, plan: Plan, out: Path, *, resume: bool, overwrite: bool, report: Report) -> dict[str, Any]:
    """Train unless that is done; then find out what else was asked for."""
    is_done = is_up_to_date(out, fingerprint(dataset, plan)) and not overwrite
    studies = prepare_studies(dataset, plan, out if is_done else None)
    summary = _summary_of(out) if is_done else _train(dataset, plan, out, resume=resume, overwrite=overwrite, report=report)
    if is_done:
        forget_teachers(Run(out))  # a process may have ended before it did so
    if studies is not None:
        return {**summary, **studies.carry_out(Run(out), train=_train_for_another, report=report)}
    return {**summary, "up_to_date": True} if is_done else summary


def _as_begun(values: Mapping[str, Any], out: Path) -> Mapping[str, Any]:
    """Return settings such that a run goes on, or is up to date, which an older version began, with a bag that had no directions."""
    texts = [path.read_text(encoding="utf-8") for path in (out / "config.yaml", out / "settled.yaml") if path.is_file()]
    is_older = any("bag_strength:" in text for text in texts) and not any("bag_directions:" in text for text in texts)
    return {**values, "bag_directions": 0} if is_older and values.get("bag_directions") is None else values


def _look_at_texts(dataset: Dataset, plan: Plan) -> None:
    """See that texts without labels are there before anything is replaced, or say that nothing is learned from them but words.

    Raises:
        DatasetError: They are to be learned from, and are missing, or not those of the dataset.
    """
    if not dataset.description.get(UNLABELLED) or plan.settings.self_training:
        return
    initial = plan.settings.initial_embedding or "a file"
    has_directions = any(isinstance(branch, Bag) and branch.bag_directions for branch in plan.branches.values())
    if has_directions and dataset.finds_ngrams_in_texts:
        dataset.unlabelled  # noqa: B018  (it is looked at)
    elif "bag" in plan.branches and not dataset.finds_ngrams_in_texts and plan.asked.get("bag_directions") != 0:
        logger.info(
            "The texts without labels in %s hold no n-grams, as an older version wrote them: no directions are found in them. "
            "Preprocess again with --overwrite for that.",
            dataset.path,
        )
    elif not any(isinstance(branch, Backbone) for branch in plan.branches.values()):
        logger.info("Nothing is learned from the texts without labels in %s. Leave out --bag-directions 0 for directions to be found.", dataset.path)
    elif initial == "cooccurrence":
        dataset.unlabelled  # noqa: B018  (it is looked at)
    elif plan.base is not None:
        logger.info("Nothing is learned from the texts without labels in %s but what --init-from has learned of them.", dataset.path)
    else:
        start = {"uniform": "chance", "naive_bayes": "naive Bayes", "a file": "those of a file"}[initial]
        advice = "Pass --initial-embedding cooccurrence to use them" + (" instead." if plan.vectors else ".")
        logger.info("Nothing is learned from the texts without labels in %s: token vectors begin with %s. %s", dataset.path, start, advice)


def _summary_of(out: Path) -> dict[str, Any]:
    summary = read_json(out / "metrics.json", format_version=FORMAT_VERSION)
    return {**{name: value for name, value in summary.items() if name not in ("history", "format_version")}, **places_of(Run(out))}


def _train(dataset: Dataset, plan: Plan, out: Path, *, resume: bool, overwrite: bool, report: Report) -> dict[str, Any]:
    settings = plan.settings
    coverage = _look_at_tokens(dataset, plan)
    begun = _begun_with(out) if resume else None
    run = start_run(
        out,
        fingerprint(dataset, plan),
        files=_settings_files(plan),
        facts={"command": "finetune", "task": settings.task, "dataset": str(dataset.path.resolve()), "dataset_fingerprint": dataset.fingerprint},
        resume=resume,
        overwrite=overwrite,
    )
    with run.locked():
        seconds = estimated_seconds(expect_learned(dataset, settings), plan)
        execution = start_execution(settings, seconds=seconds, begun=begun)
        if settings.self_training:
            dataset = teach(dataset, settings_of_teacher(plan), run, settings, train=_train_for_another, report=report)
            plan = replace(plan, settings=settings.model_copy(update={"max_minutes": share_of_time(settings)}))
        environment = {"format_version": FORMAT_VERSION, **describe_environment(), **execution.describe()}
        write_json(run.path / "environment.json", {**environment, "backbone": settings.backbone, "backbone_reason": plan.reason})
        summary = Training(dataset, plan, run, execution, coverage).run_members(report)
        if settings.self_training:
            compare_with_teachers(dataset, summary["scores"])
            forget_teachers(run)
        return summary


def _settings_files(plan: Plan) -> dict[str, str]:
    """Return the settings by which a run goes on: settled ones, or with self-training, whose models differ in them, what was asked for."""
    settled = to_yaml({"finetune": plan.flat()})
    if not plan.settings.self_training:
        return {"config.yaml": settled}
    given = {**plan.given, **({"vectors": plan.settings.vectors} if plan.settings.vectors else {})}
    return {"config.yaml": to_yaml({"finetune": given}), "settled.yaml": settled}


def _look_at_tokens(dataset: Dataset, plan: Plan) -> dict[str, Any]:
    """Read the file that token vectors begin with, before anything is replaced; return what the summary says of it."""
    if plan.vectors is None:
        return {}
    return {"vectors": load_initial_vectors(dataset, plan.vectors.path, TASKS.load(dataset.task).token_features).coverage}


def estimated_seconds(dataset: Dataset, plan: Plan) -> float:
    """Return about how long all members take together; a bag takes seconds."""
    tokens = sum(length * count for length, count in dataset.length_histogram("train").items()) * (plan.settings.epochs or 1)
    steps = [name for name in plan.branches if name != "bag"]
    return (plan.settings.ensemble or 1) * sum(expected_seconds(name, tokens=tokens) for name in steps)


def _begun_with(out: Path) -> dict[str, Any] | None:
    """Return the environment of an unfinished run, whose arithmetic going on must not change."""
    path = out / "environment.json"
    return read_json(path) if path.exists() else None

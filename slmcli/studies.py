"""What is found out beside the model of a run: by cross-validation, and by training on less."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # Any: JSON documents

import numpy as np

from slmcli.branch_settings import Plan
from slmcli.dataset import Dataset
from slmcli.dividing import TRAIN
from slmcli.errors import BundleError
from slmcli.files import read_json, write_json
from slmcli.folds import plan_folds, put_together, summarise_folds
from slmcli.label_issues import has_one_label, write_label_issues
from slmcli.learning_curve import check_validation, draw_curve, plan_curve
from slmcli.parts import Judged, Part, Report, Train, judge_part, read_judged
from slmcli.run import FORMAT_VERSION, Run
from slmcli.subsets import SOURCES, Rows, survey_rows
from slmcli.tasks import TASKS
from slmcli.tasks.base import TrainableTask


@dataclass(frozen=True)
class Studies:
    """What is still to be found out about a run.

    Attributes:
        dataset: The dataset.
        plan: The settled plan of the run.
        rows: What is known of the training and validation examples.
        folds: The folds of a cross-validation; none when it was not asked for.
        curve: The parts of a learning curve; none when it was not asked for.
    """

    dataset: Dataset
    plan: Plan
    rows: Rows
    folds: Sequence[Part]
    curve: Sequence[Part]

    def carry_out(self, run: Run, *, train: Train, report: Report) -> dict[str, Any]:
        """Train what is to be trained, write the results into metrics.json, and return them.

        Args:
            run: The finished run.
            train: Trains on a part.
            report: Told of every step and epoch.

        Raises:
            Interrupted: A signal came; what was reached is kept.
        """
        found: dict[str, Any] = {}
        with run.locked():
            if self.folds:
                found |= _keep(run, self._cross_validate(run, train, report))
            if self.curve:
                found |= _keep(run, {"learning_curve": self._draw_curve(run, train, report)})
        return found

    def _cross_validate(self, run: Run, train: Train, report: Report) -> dict[str, Any]:
        """Return the scores over the folds, and look for likely label errors in the whole corpus."""
        judged = self._judge(run, "folds", self.folds, train, report)
        found = {"k_fold": summarise_folds(judged)}
        task = self._task()
        if not has_one_label(task):
            return found
        probabilities, rows = put_together(self.dataset, self.folds, judged), np.arange(len(self.rows.targets))
        label_ids = self.rows.found.strata.astype(np.int64) - 1
        issues = write_label_issues(run.path, self.dataset, task, probabilities, label_ids, rows=rows, splits=SOURCES)
        return {**found, "label_issues": issues}

    def _draw_curve(self, run: Run, train: Train, report: Report) -> dict[str, Any]:
        judged = self._judge(run, "learning_curve", self.curve, train, report)
        whole = read_judged(run.judged)
        if whole is None:
            raise BundleError(f"{run.judged} is missing or damaged, which says how the model did on validation. Train again with --overwrite.")
        examples = [*(int((part.splits == TRAIN).sum()) for part in self.curve), self.dataset.examples("train")]
        return draw_curve(self._task(), examples, [*judged, whole], seed=self.plan.settings.seed)

    def _judge(self, run: Run, place: str, parts: Sequence[Part], train: Train, report: Report) -> list[Judged]:
        command = run.resume_command + (f" --k-fold {len(self.folds)}" if self.folds else "") + (" --learning-curve" if self.curve else "")
        return [judge_part(self.dataset, self.plan, part, run.path / place, train=train, report=report, command=command) for part in parts]

    def _task(self) -> TrainableTask:
        return TASKS.load(self.dataset.task)(self.dataset.labels)


def prepare_studies(dataset: Dataset, plan: Plan, finished: Path | None) -> Studies | None:
    """Return what was asked for and is not known yet, before anything is trained; None when there is nothing.

    Args:
        dataset: The dataset.
        plan: The settled plan.
        finished: The run, when it is up to date.

    Raises:
        ConfigError: It cannot be done with these examples.
    """
    settings = plan.settings
    known = read_json(finished / "metrics.json", format_version=FORMAT_VERSION) if finished is not None else {}
    needs_folds = settings.k_fold is not None and known.get("k_fold", {}).get("folds") != settings.k_fold
    needs_curve = settings.learning_curve and "learning_curve" not in known
    if not (needs_folds or needs_curve):
        return None
    if needs_curve:
        check_validation(dataset)  # before all examples are read
    rows = survey_rows(dataset)
    folds = plan_folds(dataset, plan, rows) if needs_folds else []
    return Studies(dataset, plan, rows, folds, plan_curve(dataset, plan, rows) if needs_curve else [])


def _keep(run: Run, found: Mapping[str, Any]) -> dict[str, Any]:
    """Write results into metrics.json."""
    path = run.path / "metrics.json"
    write_json(path, {**read_json(path, format_version=FORMAT_VERSION), **found})
    return dict(found)

"""The training of all members of a model: each in its turn, then joined, weighed and written."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any  # Any: Keras models, JSON documents

import numpy as np

from slmcli.backbones.bag import Bag
from slmcli.backbones.base import Backbone
from slmcli.bagging import Solving
from slmcli.base_model import WORDS
from slmcli.batching import bucket_limits, length_histogram, numbered_batches
from slmcli.branch_settings import Plan
from slmcli.bundle import write_bundle
from slmcli.dataset import Dataset
from slmcli.deltas import Delta, write_delta
from slmcli.execution import Execution
from slmcli.files import write_json
from slmcli.joining import Joined, join
from slmcli.label_issues import write_findings
from slmcli.mixing import choose_shares
from slmcli.ngrams import FEATURE
from slmcli.parts import Judged, write_judged
from slmcli.run import FORMAT_VERSION, Run
from slmcli.self_training import describe_teaching
from slmcli.session import EVALUATION_BATCH, Session
from slmcli.tasks import TASKS
from slmcli.tasks.base import TrainableTask
from slmcli.tasks.classification import Classification

Report = Callable[[Mapping[str, Any]], None]
# shares of the members, scores on validation, and what to look at
_Judgement = tuple[np.ndarray, dict[str, float], dict[str, Any]]


def places_of(run: Run) -> dict[str, str]:
    """Return what a summary says of where a run and its model are."""
    return {"run": str(run.path), "bundle": str(run.bundle)}


class Training:
    """The training of all members of a model."""

    def __init__(self, dataset: Dataset, plan: Plan, run: Run, execution: Execution, coverage: Mapping[str, Any] | None = None) -> None:
        self.dataset, self.plan, self.run, self.execution, self.coverage = dataset, plan, run, execution, dict(coverage or {})
        task: TrainableTask = TASKS.load(plan.settings.task)(dataset.labels)
        if isinstance(task, Classification) and dataset.has_soft_labels:
            task = task.with_soft_labels()
        self.task = task.with_learned(task.learn_targets(example.features for example in dataset.read("train")))
        self.length = dataset.encoding.max_length if plan.settings.head == "flatten" else None
        self._delta: Delta | None = None

    def run_members(self, report: Report) -> dict[str, Any]:
        """Train each member from where the run stands, join them, and write bundle and metrics; return the summary.

        Raises:
            Interrupted: A signal came.
        """
        summaries: list[dict[str, Any]] = []
        models: list[Any] = []
        solved: list[Solving | None] = []  # a session would keep its optimizer and its batches in memory
        history: list[dict[str, Any]] = []
        for name, member in self.members(summaries):
            member.fit(self._listener(report, name))
            solved.append(member if isinstance(member, Solving) else None)
            models.append(member.best_model())
            summaries.append({"name": name, **member.summary()})
            history += [{"member": name, **record} for record in member.progress.history] if isinstance(member, Session) else []
            self._delta = member.delta if isinstance(member, Session) else None
        joined = join(models, length=self.length, name=self.task.name)
        judged = self._judge_validation(joined)
        for summary, model, bag in zip(summaries, models, solved, strict=True):
            if self.plan.settings.refit and bag is not None:
                summary["refit_seconds"] = bag.refit(model, self._listener(report, summary["name"]))
        summary = self._finish(joined, summaries, history, judged)
        self._write_delta(joined, summary["scores"])
        return summary

    def _write_delta(self, joined: Joined, scores: Mapping[str, float]) -> None:
        """Write what few weights have learned, with all that makes a model of it and its base."""
        if self._delta is None or self.plan.base is None:
            return
        facts = {
            **self._facts(joined, scores),
            **self._model_settings(),
            "task": self.task.name,
            "labels": self.task.labels,
            "learned": self.task.learned,
            "tokenizer_fingerprint": self.dataset.description["tokenizer_fingerprint"],
            "base_path": str(self.plan.base.path.resolve()),
        }
        write_delta(self.run.path / "delta", replace(self._delta, facts=facts), overwrite=True)

    def _listener(self, report: Report, name: str) -> Report:
        """Return who is told of a member's events: whose they are, where there are several."""
        return report if self._count() == 1 else _named(report, name)

    def _count(self) -> int:
        steps = [name for name in self.plan.branches if name != "bag"]
        return len(self.plan.branches) - len(steps) + len(steps) * (self.plan.settings.ensemble or 1)

    def members(self, before: Sequence[Mapping[str, Any]] = ()) -> Iterator[tuple[str, Session | Solving]]:
        """Yield each member under its name, made when the one before is done."""
        is_first = True
        for name, branch in self.plan.branches.items():
            if isinstance(branch, Bag):
                yield name, Solving(self.dataset, self.task, self.plan.settings, branch, self.run)
            elif isinstance(branch, Backbone):
                for place in range(self.plan.settings.ensemble or 1):
                    label = name if (self.plan.settings.ensemble or 1) == 1 else f"{name}-{place + 1}"
                    yield label, self._session(branch, "" if is_first else label, place=place, before=before)
                    is_first = False

    def _session(self, branch: Backbone, member: str, *, place: int, before: Sequence[Mapping[str, Any]]) -> Session:
        """Return the training of one member.

        Args:
            branch: Its architecture.
            member: Its name among the checkpoints.
            place: Its number among those of the same architecture, which decides its seed.
            before: Summaries of the members that were trained before it.
        """
        settings, run = self.plan.settings, Run(self.run.path, member)
        changes: dict[str, Any] = {"seed": (settings.seed + place) % 2**32}
        if settings.max_minutes is not None:  # what is left is divided among the members to come
            left = max(0.0, settings.max_minutes - sum(each["seconds"] for each in before) / 60)
            changes["max_minutes"] = max(1e-3, left / (self._count() - len(before)))
        base = self.plan.base.path if self.plan.base and self.plan.base.backbone in (branch.name, WORDS) else None
        return Session(self.dataset, self.task, settings.model_copy(update=changes), branch, run, self.execution, base=base)

    def _finish(self, joined: Joined, members: list[dict[str, Any]], history: list[dict[str, Any]], judged: _Judgement) -> dict[str, Any]:
        """Write the bundle, metrics.json and the end of run.json; return the summary."""
        shares, scores, findings = judged
        model = joined.whole
        seconds = sum(each["seconds"] for each in members)
        summary = {
            **places_of(self.run),
            "backbone": self.plan.settings.backbone,
            **{name: sum(each[name] for each in members) for name in ("epochs", "steps")},
            "best_epoch": members[-1]["best_epoch"],
            "seconds": round(seconds + sum(each.get("refit_seconds", 0.0) for each in members), 2),
            "examples_per_second": round(sum(each["examples_seen"] for each in members) / max(1e-6, seconds), 1),
            "tokens_per_second": round(sum(each["tokens_seen"] for each in members) / max(1e-6, seconds), 1),
            "parameters": model.count_params(),
            "trainable_parameters": sum(math.prod(weight.shape) for weight in model.trainable_weights)
            - sum(each.get("left_parameters", 0) for each in members),
            "members": [{**each, "share": round(float(share), 4)} for each, share in zip(members, shares, strict=True)],
            "scores": scores,
            "learned_splits": self._learned_splits(),
            **self.coverage,
            **describe_teaching(self.dataset),
            **findings,
        }
        self._write_bundle(joined, scores)
        write_json(self.run.path / "metrics.json", {"format_version": FORMAT_VERSION, **summary, "history": history})
        self.run.write({**self.run.read(), "status": "complete"})
        return summary

    def _learned_splits(self) -> list[str]:
        return ["train", "validation"] if self.plan.settings.refit else ["train"]

    def _judge_validation(self, joined: Joined) -> _Judgement:
        """Let members get shares, and the task its decisions, by the validation examples; return shares, scores, and what to look at."""
        count = joined.apart.output_shape[1]
        if not self.dataset.examples("validation"):
            return np.full(count, 1.0 / count), {}, {}
        task = self.task.with_inputs(joined.features)
        limits = [self.length] if self.length else bucket_limits(length_histogram(self.dataset, task, "validation"))
        batches = numbered_batches(self.dataset, task, "validation", batch_size=EVALUATION_BATCH, limits=limits)
        found = [(joined.apart(inputs, training=False).numpy(), targets.numpy(), places.numpy()) for inputs, targets, _, places in batches]
        outputs, targets, places = (np.concatenate(each) for each in zip(*found, strict=True))
        shares = choose_shares(outputs, targets, loss=task.output_loss)
        joined.weigh(shares)
        probabilities = task.probabilities(np.einsum("nmw,m->nw", outputs, shares))
        references = task.references_of(targets)
        tunes = self.plan.settings.tune_threshold
        self.task = self.task.with_learned(task.learn_decisions(probabilities, references, tunes_threshold=tunes))
        scores = {name: round(value, 6) for name, value in self.task.score_probabilities(probabilities, references).items()}
        order = np.argsort(places)
        judged = Judged(probabilities[order], self.task.decide(probabilities)[order], references[order], scores)
        write_judged(self.run.judged, judged)
        findings = write_findings(self.run.path, self.dataset, self.task, probabilities, references, rows=places)
        return shares, scores, findings

    def _settings_to_share(self) -> dict[str, Any]:
        """Return all settings, without the folders of this machine."""
        vectors, base = self.plan.vectors, self.plan.settings.init_from
        return {**self.plan.flat(), "vectors": vectors.path.name if vectors else None, "init_from": Path(base).name if base else None}

    def _write_bundle(self, joined: Joined, scores: Mapping[str, float]) -> None:
        write_bundle(
            self.run.bundle,
            joined.whole,
            task=self.task.with_inputs(joined.features),
            tokenizer=self.dataset.load_tokenizer(),
            ngrams=self.dataset.load_ngrams() if FEATURE in joined.features else None,
            settings=self._model_settings(),
            facts=self._facts(joined, scores),
            overwrite=True,
        )

    def _model_settings(self) -> dict[str, Any]:
        """Return what settings.json of the bundle says beside what the task has learned."""
        return {"encoding": self.dataset.encoding.model_dump(), "length": self.length, "finetune": self._settings_to_share()}

    def _facts(self, joined: Joined, scores: Mapping[str, float]) -> dict[str, Any]:
        """Return what the bundle's manifest says of the training."""
        return {
            "backbone": self.plan.settings.backbone,
            "parameters": joined.whole.count_params(),
            "scores": dict(scores),
            "learned_splits": self._learned_splits(),
            "dataset_fingerprint": self.dataset.origin,
            "licence": self.plan.settings.licence,
        }


def _named(report: Report, member: str) -> Report:
    """Return a listener that tells whose event it is."""

    def listener(event: Mapping[str, Any]) -> None:
        report({**event, "member": member})

    return listener

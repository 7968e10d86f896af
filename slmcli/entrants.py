"""What is to be compared: models or files of predictions, of one task and with the same labels; runs of several seeds found out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from slmcli.bundle import Bundle, open_bundle
from slmcli.config import CompareSettings, CorpusSettings, EvaluateSettings
from slmcli.dataset import Dataset
from slmcli.errors import ConfigError, DatasetError
from slmcli.files import sha256_json
from slmcli.reading import read_examples
from slmcli.recipe_files import read_recipe
from slmcli.run import Run
from slmcli.tasks import TASKS
from slmcli.tasks.base import JudgedTask, Task

_LABELS_SHOWN = 10

AnyTask = TypeVar("AnyTask", bound=JudgedTask)


@dataclass(frozen=True)
class Entrant:
    """What was named on the command line, before it has said anything.

    Attributes:
        path: The run, the bundle or the file.
        bundle: The model; None for a file of predictions.
    """

    path: Path
    bundle: Bundle | None

    @property
    def is_run(self) -> bool:
        """Whether it is a run, and not a bundle or a file."""
        return (self.path / "run.json").exists()


def open_entrants(paths: Sequence[Path]) -> list[Entrant]:
    """Open every model that was named, and see that there is a file for every other name.

    Raises:
        BundleError: One is a directory without a model.
        ConfigError: There is nothing of that name, or fewer than two names.
    """
    if len(paths) < 2:
        raise ConfigError("there is nothing to compare: name two or more runs, bundles or files of predictions.")
    for path in paths:
        if not path.exists():
            raise ConfigError(f"{path} does not exist. Name a run, a bundle, or a JSONL file of predictions.")
    return [Entrant(path, None if path.is_file() else open_bundle(path)) for path in paths]


def task_of(entrants: Sequence[Entrant], settings: CompareSettings, dataset: Dataset | None) -> JudgedTask:
    """Return the task that all have in common, with the labels of the first model; of files alone that of the dataset, or of --task.

    Raises:
        ConfigError: Nothing says what is predicted, or two models were trained to predict different things.
    """
    models = [(entrant.path, entrant.bundle.task) for entrant in entrants if entrant.bundle is not None]
    for path, task in models:
        _check_comparable(models[0], (path, task))
        check_asked_task(settings.task, path, task)
    if models:
        return type(models[0][1])(models[0][1].labels)
    return with_labels(find_task(settings.task, dataset), settings, dataset)


def with_labels(task_class: type[AnyTask], settings: CompareSettings | EvaluateSettings, dataset: Dataset | None) -> AnyTask:
    """Return the task of files of predictions, with the labels of the examples that are judged."""
    return task_class(dataset.labels if dataset is not None and not settings.data else _labels_in(task_class, settings))


def find_task(name: str | None, dataset: Dataset | None) -> type[JudgedTask]:
    """Return the task of that name, else of the dataset.

    Raises:
        ConfigError: Nothing says what is predicted, or it cannot be scored.
    """
    name = name or (dataset.task if dataset is not None else None)
    if name is None:
        raise ConfigError("no model says what is predicted, and the files of predictions do not. Pass --task NAME, or --dataset DIR.")
    task_class = TASKS.load(name)
    if not issubclass(task_class, JudgedTask):
        raise ConfigError(f"--task {name}: predictions of this task cannot be compared yet. Known: {', '.join(_comparable_tasks())}.")
    return task_class


def _comparable_tasks() -> list[str]:
    return [name for name in TASKS.names() if issubclass(TASKS.load(name), JudgedTask)]


def _labels_in(task_class: type[JudgedTask], settings: CompareSettings | EvaluateSettings) -> list[str]:
    """Return the labels that occur in the files of --data."""
    examples = list(read_examples(settings.data, settings.narrow(CorpusSettings), fields=task_class.fields))
    task = task_class([])
    return sorted({label for example in examples for label in task.labels_of(example)})


def _kind(task: Task | type[Task]) -> tuple[str, list[str]]:
    """Return what two tasks must have in common to be compared: the form of an answer, and what is read for it."""
    return getattr(task, "output_loss", ""), [field.name for field in task.fields]


def check_asked_task(name: str | None, path: Path, task: Task) -> None:
    """Refuse a model that was trained for another kind of task than the one named, if one was."""
    if name is not None and _kind(TASKS.load(name)) != _kind(task):
        raise ConfigError(f"--task {name}: {path} was trained for task {task.name}. Leave --task out.")


def _check_comparable(first: tuple[Path, JudgedTask], other: tuple[Path, JudgedTask]) -> None:
    """Refuse models of different kinds of tasks, or with different labels, whose order may differ."""
    (path, one), (other_path, two) = first, other
    if _kind(one) != _kind(two):
        raise ConfigError(
            f"{path} was trained for task {one.name}, {other_path} for task {two.name}: their answers cannot be compared. Name models of one task."
        )
    if set(one.labels) != set(two.labels):
        missing = ((set(one.labels) - set(two.labels), path), (set(two.labels) - set(one.labels), other_path))
        parts = [f"{', '.join(sorted(labels)[:_LABELS_SHOWN])} only in {place}" for labels, place in missing if labels]
        raise ConfigError(f"the models do not know the same labels: {'; '.join(parts)}. Compare models of the same labels.")


def check_dataset(dataset: Dataset, task: JudgedTask) -> None:
    """Refuse a dataset that was made for another kind of task."""
    if _kind(TASKS.load(dataset.task)) != _kind(task):
        raise DatasetError(
            f"{dataset.path} was made for task {dataset.task}, and the models for {task.name}. Pass another --dataset, or --data FILE."
        )


def find_seeds(entrants: Sequence[Entrant]) -> list[list[int]]:
    """Return the places of those that belong together, in order of the first of each: runs that differ in nothing but their seeds."""
    groups: dict[str, list[int]] = {}
    seeds: dict[str, set[int]] = {}
    for place, entrant in enumerate(entrants):
        setting, seed = _setting(entrant) or (str(place), 0)
        # the same seed twice is the same run, or a copy of it
        key = str(place) if seed in seeds.setdefault(setting, set()) else setting
        seeds[setting].add(seed)
        groups.setdefault(key, []).append(place)
    return list(groups.values())


def _setting(entrant: Entrant) -> tuple[str, int] | None:
    """Return all that decides a run but its seed, as one string, and the seed; None for what is no run."""
    if not entrant.is_run or not (entrant.path / "config.yaml").exists():
        return None
    sections = {name: dict(values or {}) for name, values in read_recipe(entrant.path / "config.yaml").items()}
    seed = next(values.pop("seed", 0) for values in sections.values())
    return sha256_json([sections, Run(entrant.path).read()["dataset_fingerprint"]]), int(seed)

"""The examples that a model is judged by: of a split of its dataset, or of files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any  # Any: JSON documents

from slmcli.bundle import Bundle, learns_validation
from slmcli.config import CompareSettings, CorpusSettings, EvaluateSettings
from slmcli.dataset import Dataset, open_dataset
from slmcli.errors import BundleError, ConfigError, DataError, DatasetError, SlmError
from slmcli.fields import Field
from slmcli.reading import Example, read_examples
from slmcli.registry import hint
from slmcli.run import Run
from slmcli.runtime import start_tensorflow
from slmcli.tasks import TASKS
from slmcli.tasks.base import Task


def dataset_of(target: Path, dataset: Path | None, *, is_needed: bool = True) -> Dataset | None:
    """Return the dataset to use: the one named, else the one the run was trained on, else None.

    Args:
        target: The run or the bundle.
        dataset: The dataset that was named.
        is_needed: Whether one that cannot be used is an error; else it is none.

    Raises:
        DatasetError: The run's dataset was made anew since.
    """
    if dataset is not None:
        return open_dataset(dataset)
    if not (target / "run.json").exists():
        return None
    try:
        return _dataset_of_run(target)
    except SlmError:
        if is_needed:
            raise
        return None


def _dataset_of_run(target: Path) -> Dataset | None:
    document = Run(target).read()
    path = Path(document["dataset"])
    if not path.exists():
        return None
    found = open_dataset(path)
    if found.fingerprint != document["dataset_fingerprint"]:
        raise DatasetError(
            f"{path} was made anew since {target} was trained ({found.fingerprint}, was {document['dataset_fingerprint']}). "
            "Train again, or pass --dataset DIR with the old one; slm evaluate --data FILE --no-baselines needs none."
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
    check_same_labels(dataset, bundle)


def check_same_labels(dataset: Dataset, bundle: Bundle) -> None:
    """Refuse a dataset from which nothing can be learned that the model says."""
    kind = getattr(TASKS.load(dataset.task), "baselines", None)
    if kind != bundle.task.baselines:
        raise DatasetError(f"{dataset.path} was made for task {dataset.task}, the model for {bundle.task.name}. Pass another --dataset.")
    if dataset.labels != bundle.task.labels:
        raise DatasetError(f"{dataset.path} has the labels {', '.join(dataset.labels[:20])}; the model has {', '.join(bundle.task.labels[:20])}.")


def examples_to_judge(target: Path, settings: EvaluateSettings, dataset: Dataset | None, bundle: Bundle) -> tuple[list[Example], dict[str, Any]]:
    """Return the labelled examples of the files or the split asked for, and which these are: `data`, a list, or `split` of `dataset`.

    Raises:
        BundleError: The target does not know its dataset.
        ConfigError: The model has learned the examples of the split.
        DataError: No example can be judged, or some have a label that the model does not know.
        DatasetError: The dataset has no such examples.
    """
    task = bundle.task
    if settings.data:
        return _read_files(settings, task)
    _refuse_slices(settings)
    if dataset is None:
        raise BundleError(f"{target} does not know its dataset. Pass --data FILE, or --dataset DIR.")
    split = choose_split(settings.split, dataset)
    _refuse_what_was_learned(split, dataset, bundle)
    start_tensorflow(threads=settings.threads)
    origin = {"split": split, "dataset": str(dataset.path), "dataset_fingerprint": dataset.fingerprint}
    return _usable(list(dataset.read_examples(split, task.fields)), task), origin


def read_judged(
    settings: CompareSettings | EvaluateSettings, dataset: Dataset | None, task: Task, bundles: Sequence[Bundle]
) -> tuple[list[Example], dict[str, Any]]:
    """Return the same for several models of one task, or for files of predictions; without a dataset the settings must name files.

    Raises:
        ConfigError: A model has learned the examples of the split, or columns are named that a dataset does not keep.

    Args:
        settings: Which files, or which split.
        dataset: The dataset that has the split.
        task: The task, with the labels that the models know.
        bundles: The models.
    """
    if settings.data or dataset is None:
        return _read_files(settings, task)
    _refuse_slices(settings)
    split = choose_split(settings.split, dataset)
    for bundle in bundles:
        _refuse_what_was_learned(split, dataset, bundle)
    return _usable(list(dataset.read_examples(split, task.fields)), task), {"split": split}


def _read_files(settings: EvaluateSettings | CompareSettings, task: Task) -> tuple[list[Example], dict[str, Any]]:
    fields = (*task.fields, *_slice_fields(settings.slice_by, task))
    return _usable(list(read_examples(settings.data, settings.narrow(CorpusSettings), fields=fields)), task), {"data": settings.data}


def _refuse_slices(settings: EvaluateSettings | CompareSettings) -> None:
    if settings.slice_by:
        raise ConfigError(f"--slice-by {settings.slice_by[0]}: a dataset keeps no other columns than its task has. Pass --data FILE with the column.")


def choose_split(wanted: str | None, dataset: Dataset) -> str:
    """Return the split asked for, else test, else validation."""
    split = wanted or next((name for name in ("test", "validation") if dataset.examples(name)), "test")
    if not dataset.examples(split):
        raise DatasetError(f"{dataset.path} has no {split} examples; it has {', '.join(dataset.splits)}. Pass another --split, or --data FILE.")
    return split


def _slice_fields(names: Sequence[str], task: Task) -> list[Field]:
    """Return the columns that examples are put into slices by, as fields."""
    for name in names:
        if name == "length":
            raise ConfigError("--slice-by length: the lengths of texts are slices under this name. Give the column another name.")
        if name in [field.name for field in task.fields]:
            raise ConfigError(
                f"--slice-by {name}: a model for {task.name} reads or predicts it; labels and lengths are slices anyway. Name another column."
            )
    return [Field(name, "label", (name.lower(),)) for name in dict.fromkeys(names)]


def _refuse_what_was_learned(split: str, dataset: Dataset, bundle: Bundle) -> None:
    """Refuse to judge a model by what it has learned."""
    if split == "validation" and learns_validation(bundle.manifest) and bundle.manifest["dataset_fingerprint"] == dataset.fingerprint:
        raise ConfigError(
            f"--split validation: the bag of {bundle.path} has learned the validation examples of {dataset.path} too. Its scores before that "
            "are in metrics.json of its run and in its manifest.json. Judge it by --split test or --data FILE, or train with --no-refit."
        )


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

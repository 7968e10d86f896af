"""Whether a dataset and the settings of a training go together, before TensorFlow loads."""

from typing import Any  # Any: values of settings

from slmcli.dataset import Dataset
from slmcli.errors import ConfigError, DatasetError
from slmcli.tasks import TASKS
from slmcli.tasks.base import TrainableTask
from slmcli.training_config import FinetuneSettings

# settings that mean something to some tasks alone, and their values that ask for nothing
_OF_SOME_TASKS: dict[str, tuple[Any, ...]] = {
    "class_weights": (False,),
    "loss": ("cross_entropy",),
    "label_smoothing": (0.0,),
    "tune_threshold": (False,),
    "monitor": ("loss",),
    "initial_embedding": (None, "uniform", "cooccurrence"),
}


def check_compatible(dataset: Dataset, settings: FinetuneSettings) -> None:
    """Refuse a dataset that was made for another task or has nothing to train on, and settings without a meaning, before TensorFlow loads."""
    if dataset.task != settings.task:
        raise DatasetError(
            f"{dataset.path} was made for task {dataset.task}, not {settings.task}. "
            f"Pass --task {dataset.task}, or preprocess again for {settings.task}."
        )
    if not issubclass(TASKS.load(settings.task), TrainableTask):
        trainable = [name for name in TASKS.names() if issubclass(TASKS.load(name), TrainableTask)]
        raise ConfigError(f"task {settings.task} can be checked and preprocessed; this release trains {', '.join(trainable)}. Choose one of them.")
    dataset.load_tokenizer()
    if not dataset.examples("train"):
        raise DatasetError(f"{dataset.path} has no training examples. Preprocess a corpus that has some.")
    if problems := [*_settings_without_meaning(settings), *_untunable(dataset, settings)]:
        raise ConfigError("\n".join(problems))


def _settings_without_meaning(settings: FinetuneSettings) -> list[str]:
    """Return what was asked for that the task cannot do."""
    own = TASKS.load(settings.task).own_settings
    asked = {name: getattr(settings, name) for name, neutral in _OF_SOME_TASKS.items() if getattr(settings, name) not in neutral}
    return [
        f"--{name.replace('_', '-')}{'' if value is True else f' {value}'} has no meaning for task {settings.task}. Leave it out."
        for name, value in asked.items()
        if name not in own
    ]


def _untunable(dataset: Dataset, settings: FinetuneSettings) -> list[str]:
    """Return what stands in the way of a threshold between two labels."""
    if not settings.tune_threshold or TASKS.load(settings.task).baselines != "label":
        return []
    if len(dataset.labels) != 2:
        return [f"--tune-threshold is for two labels; {dataset.path} has {len(dataset.labels)}. Leave it out."]
    if not dataset.examples("validation"):
        return [f"--tune-threshold needs validation examples; {dataset.path} has none. Preprocess with --validation or --validation-share."]
    return []

"""What a training will do, settled and checked before TensorFlow loads."""

from collections.abc import Mapping
from typing import Any  # Any: values as they come from flags and recipes

from slmcli.backbones import BACKBONES
from slmcli.backbones.base import Backbone
from slmcli.config import FinetuneSettings, build
from slmcli.dataset import Dataset
from slmcli.errors import ConfigError, DatasetError
from slmcli.files import sha256_json
from slmcli.registry import hint
from slmcli.tasks import TASKS
from slmcli.tasks.base import TrainableTask

# does not change the trained weights
_NOT_IN_FINGERPRINT = frozenset({"checkpoint_minutes", "tensorboard"})
# our choice, on validation data: about this many examples are seen, in 5 to 30 passes, until validation no longer improves
_EXAMPLES_SEEN = 110_000
_LARGE_CORPUS = 5_000
# settings that mean something to some tasks alone, and their values that ask for nothing
_OF_SOME_TASKS: dict[str, tuple[Any, ...]] = {
    "class_weights": (False,),
    "loss": ("cross_entropy",),
    "label_smoothing": (0.0,),
    "tune_threshold": (False,),
    "monitor": ("loss",),
    "initial_embedding": (None, "uniform"),
}


def split_settings(values: Mapping[str, Any], *, source: str) -> tuple[FinetuneSettings, Backbone]:
    """Divide flat settings into those of the training and those of the chosen backbone.

    Raises:
        ConfigError: A setting is unknown, belongs to another backbone, or is out of range.
    """
    named = {str(key).replace("-", "_"): value for key, value in values.items()}
    name = named.get("backbone") or FinetuneSettings.model_fields["backbone"].default
    kind: type[Backbone] = BACKBONES.load(str(name))
    of_backbone = {key: value for key, value in named.items() if key in kind.model_fields}
    rest = {key: value for key, value in named.items() if key not in kind.model_fields}
    for key in rest:
        owners = [other for other in BACKBONES.names() if key in BACKBONES.load(other).model_fields]
        if owners:
            raise ConfigError(f"{source}: {key!r} is a setting of backbone {owners[0]}, not of {name}. {name} has: {', '.join(kind.model_fields)}.")
        if key not in FinetuneSettings.model_fields:
            known = [*FinetuneSettings.model_fields, *kind.model_fields]
            raise ConfigError(f"{source}: {key!r} is not a setting.{hint(key, known) or ' Known: ' + ', '.join(known) + '.'}")
    return build(FinetuneSettings, rest, source=source), build(kind, of_backbone, source=source)


def settle(settings: FinetuneSettings, backbone: Backbone, dataset: Dataset) -> tuple[FinetuneSettings, Backbone]:
    """Fill in what depends on the size of the corpus, chosen on validation data (docs/decisions.md)."""
    examples = max(1, dataset.examples("train"))
    has_ratios = "initial_embedding" in TASKS.load(settings.task).own_settings
    is_large = examples >= _LARGE_CORPUS
    settled = settings.model_copy(
        update={
            "epochs": settings.epochs or min(30, max(5, -(-_EXAMPLES_SEEN // examples))),
            "batch_size": settings.batch_size or (64 if is_large else 32),
            "learning_rate": settings.learning_rate or (2e-3 if is_large else 1e-3),
            "optimizer": settings.optimizer or ("sparse_adam" if is_large else "adam"),
            "pooling": settings.pooling or ("max_mean" if is_large else "max_sqrtn"),
            "initial_embedding": settings.initial_embedding or ("uniform" if is_large or not has_ratios else "naive_bayes"),
        }
    )
    dropout = backbone.embedding_dropout if backbone.embedding_dropout is not None else (0.6 if is_large else 0.5)
    return settled, backbone.model_copy(update={"embedding_dropout": dropout})


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


def fingerprint(dataset: Dataset, settings: FinetuneSettings, backbone: Backbone) -> str:
    """Hash everything that decides the trained weights."""
    return sha256_json([dataset.fingerprint, settings.model_dump(exclude=set(_NOT_IN_FINGERPRINT)), backbone.model_dump()])[:16]

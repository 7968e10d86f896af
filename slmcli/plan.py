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
    is_large = examples >= _LARGE_CORPUS
    settled = settings.model_copy(
        update={
            "epochs": settings.epochs or min(30, max(5, -(-_EXAMPLES_SEEN // examples))),
            "batch_size": settings.batch_size or (64 if is_large else 32),
            "learning_rate": settings.learning_rate or (2e-3 if is_large else 1e-3),
            "optimizer": settings.optimizer or ("sparse_adam" if is_large else "adam"),
            "pooling": settings.pooling or ("max_mean" if is_large else "max_sqrtn"),
            "initial_embedding": settings.initial_embedding or ("uniform" if is_large else "naive_bayes"),
        }
    )
    dropout = backbone.embedding_dropout if backbone.embedding_dropout is not None else (0.6 if is_large else 0.5)
    return settled, backbone.model_copy(update={"embedding_dropout": dropout})


def check_compatible(dataset: Dataset, settings: FinetuneSettings) -> None:
    """Refuse a dataset that was made for another task or has nothing to train on, before TensorFlow loads."""
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


def fingerprint(dataset: Dataset, settings: FinetuneSettings, backbone: Backbone) -> str:
    """Hash everything that decides the trained weights."""
    return sha256_json([dataset.fingerprint, settings.model_dump(exclude=set(_NOT_IN_FINGERPRINT)), backbone.model_dump()])[:16]

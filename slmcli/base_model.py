"""A trained model that another training begins with: what of it is taken over, checked before TensorFlow loads."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # Any: values of settings

from slmcli.backbones import BACKBONES
from slmcli.backbones.base import Backbone
from slmcli.bundle import check_files, find_bundle
from slmcli.dataset import Dataset
from slmcli.errors import BundleError, ConfigError, DatasetError
from slmcli.files import read_json
from slmcli.formats.keras import KerasFormat

# in the place of a backbone where vectors of words alone were learned
WORDS = "words"
# settings that decide how weights are learned, not how many there are or what they mean
_FREE = frozenset({"embedding_dropout", "layer_dropout", "weight_dropout", "block_dropout", "segment", "segment_overlap", "subword_buckets"})


@dataclass(frozen=True)
class Base:
    """A bundle whose weights another training begins with.

    Attributes:
        path: The bundle.
        backbone: Name of its architecture; `words` for vectors that any architecture can begin with.
        settings: Settings of the architecture that decide its weights.
        weights: SHA-256 of its model file.
    """

    path: Path
    backbone: str
    settings: Mapping[str, Any]
    weights: str


def open_base(path: Path, dataset: Dataset) -> Base:
    """Open the bundle at `path`, or the one inside a run, for a training on a dataset.

    Raises:
        BundleError: There is none, or it has no weights that can be begun with.
        DatasetError: The dataset was encoded with another tokenizer.
    """
    place, manifest = find_bundle(path)
    check_files(place, manifest)
    if manifest["format"] != KerasFormat.name:
        raise BundleError(f"--init-from {path} has format {manifest['format']}, whose weights cannot be trained. Give the run it was exported from.")
    found, wanted = dataset.description["tokenizer_fingerprint"], manifest["tokenizer_fingerprint"]
    if found != wanted:
        raise DatasetError(
            f"{dataset.path} was encoded with tokenizer {found}, and --init-from {path} reads that of {wanted}: its token vectors would stand for "
            f"other words. Preprocess again with --tokenizer-from {path}."
        )
    settings = read_json(place / "settings.json")
    flat: dict[str, Any] = settings.get("pretrain") or settings["finetune"]
    if flat["backbone"] == WORDS:
        return Base(place, WORDS, {"embedding": flat["embedding"]}, manifest["files"][KerasFormat.file_name])
    names = [name for name in flat["backbone"].split("+") if issubclass(BACKBONES.load(name), Backbone)]
    if not names:
        raise BundleError(f"--init-from {path} has backbone {flat['backbone']}, which reads no tokens in their order. Give a run of another.")
    kind: type[Backbone] = BACKBONES.load(names[0])
    kept = {name: flat[name] for name in kind.model_fields if name not in _FREE and name in flat}
    return Base(place, names[0], kept, manifest["files"][KerasFormat.file_name])


def take_over(base: Base, asked: Mapping[str, Any], *, source: str) -> dict[str, Any]:
    """Return what was asked for of the branches, with the settings of the base.

    Raises:
        ConfigError: Something else was asked for than the base has.
    """
    others = {name: value for name, value in asked.items() if name in base.settings and value is not None and value != base.settings[name]}
    if others:
        said = ", ".join(f"--{name.replace('_', '-')} {value} (it has {base.settings[name]})" for name, value in others.items())
        raise ConfigError(f"{source}: --init-from {base.path} is of another shape than {said}. Leave that out, or begin without it.")
    return {**base.settings, **{name: value for name, value in asked.items() if name not in base.settings}}

"""What baselines say of texts, kept beside the dataset that they were trained on: the next model is compared in no time."""

import hashlib
import logging
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any  # Any: arrays by name, beside options of numpy

import numpy as np

from slmcli.baselines import Prediction
from slmcli.errors import OutputError
from slmcli.files import new_file

logger = logging.getLogger(__name__)

DIRECTORY = "baselines"
# raise it when a baseline becomes another one
_VERSION = 1
# our choice: files of a dataset; of several models and test files, the ones asked for last
_MOST_KEPT = 20


def cached_predictions(
    dataset: Path, identity: Sequence[str], texts: Sequence[tuple[str, ...]], make: Callable[[], dict[str, Prediction]]
) -> dict[str, Prediction]:
    """Return what baselines say of texts, as it was kept, else as `make` says, which is then kept.

    A dataset that cannot be written is left as it is. What was damaged is made anew.

    Args:
        dataset: Directory of the dataset.
        identity: What the answers depend on beside the texts: fingerprints, kind of baselines.
        texts: The one text, or the two, of each example that is judged.
        make: Trains the baselines and lets them answer.
    """
    place = dataset / DIRECTORY / f"{_key(identity, texts)}.npz"
    kept = _read(place)
    if kept is not None:
        return kept
    logger.info("Training baselines on the training texts of %s; the next model is compared without", dataset)
    made = make()
    _keep(place, made)
    return made


def _key(identity: Sequence[str], texts: Sequence[tuple[str, ...]]) -> str:
    digest = hashlib.sha256(repr((_VERSION, *identity, len(texts))).encode("utf-8"))
    for example in texts:
        for text in example:
            content = text.encode("utf-8", "surrogatepass")
            digest.update(len(content).to_bytes(8, "little") + content)
    return digest.hexdigest()[:32]


def _read(place: Path) -> dict[str, Prediction] | None:
    try:
        with place.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            names = [name for name in arrays.files if not name.endswith(".seconds")]
            found = {name: Prediction(arrays[name], float(arrays[f"{name}.seconds"])) for name in names}
        place.touch()
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None
    return found


def _keep(place: Path, made: Mapping[str, Prediction]) -> None:
    arrays: dict[str, Any] = {name: prediction.answers for name, prediction in made.items()}
    arrays |= {f"{name}.seconds": np.float64(prediction.seconds) for name, prediction in made.items()}
    try:
        place.parent.mkdir(exist_ok=True)
        with new_file(place) as file:
            np.savez_compressed(file, **arrays)
        for old in sorted(place.parent.glob("*.npz"), key=lambda path: path.stat().st_mtime)[:-_MOST_KEPT]:
            old.unlink(missing_ok=True)
    except (OSError, OutputError) as error:
        logger.debug("The answers of the baselines were not kept: %s", error)

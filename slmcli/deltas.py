"""What a fine-tuning of few weights has learned, in a directory of its own: many of them share one base."""

import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any  # Any: Keras models and variables, JSON documents

import numpy as np

from slmcli.adaptation import Adaptation, parse_adaptation
from slmcli.errors import BundleError, ConfigError, DataError, FormatVersionError
from slmcli.files import new_directory, read_json, sha256_file, write_bytes, write_json

FORMAT_VERSION = 1
MARKER = "delta.json"
ARRAYS = "delta.npz"


@dataclass(frozen=True)
class Delta:
    """The weights that a fine-tuning trained, and what they belong to.

    Attributes:
        adaptation: How it was trained.
        base: Fingerprint of the weights that it left alone.
        arrays: Name to what was trained, float32: all there is of a head, a bias or a layer, and factors of additions, not their product.
        facts: What else is needed to make a model of it and its base, a JSON document.
    """

    adaptation: Adaptation
    base: str
    arrays: Mapping[str, np.ndarray]
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def parameters(self) -> int:
        """Numbers in it."""
        return sum(array.size for array in self.arrays.values())


def delta_of(model: Any, adaptation: Adaptation) -> Delta:
    """Return what a model that `adapt` has made for `adaptation` was trained to be; its weights may have been trained or loaded."""
    trained, frozen = _divide(model)
    return Delta(adaptation, _fingerprint(frozen), {name: weight.numpy() for name, weight in trained.items()})


def write_delta(path: Path, delta: Delta, *, overwrite: bool = False) -> None:
    """Write a delta as a directory that appears complete or not at all.

    Raises:
        OutputError: `path` exists and may not be replaced, or cannot be written.
    """
    with new_directory(path, marker=MARKER, overwrite=overwrite) as part:
        buffer = io.BytesIO()
        arrays: dict[str, Any] = dict(delta.arrays)
        np.savez(buffer, **arrays)
        write_bytes(part / ARRAYS, buffer.getvalue())
        document = {
            "format_version": FORMAT_VERSION,
            "method": str(delta.adaptation),
            "base": delta.base,
            "parameters": delta.parameters,
            "sha256": sha256_file(part / ARRAYS),
            "weights": {name: list(array.shape) for name, array in delta.arrays.items()},
            **({"model": dict(delta.facts)} if delta.facts else {}),
        }
        write_json(part / MARKER, document)


def read_delta(path: Path) -> Delta:
    """Read a delta.

    Raises:
        BundleError: It is missing or damaged.
        FormatVersionError: A newer release wrote it.
    """
    try:
        document = read_json(path / MARKER, format_version=FORMAT_VERSION)
        adaptation, base, shapes = parse_adaptation(document["method"]), str(document["base"]), document["weights"]
    except FormatVersionError:
        raise
    except (DataError, ConfigError, KeyError, AttributeError) as error:
        raise BundleError(f"{path} is no delta that can be read ({error}). Train it again.") from error
    arrays = _read_arrays(path / ARRAYS, str(document.get("sha256")))
    if {name: list(array.shape) for name, array in arrays.items()} != shapes:
        raise BundleError(f"{path / ARRAYS} does not hold what {MARKER} says. The delta is damaged; train it again.")
    return Delta(adaptation, base, arrays, document.get("model", {}))


def apply_delta(model: Any, delta: Delta) -> Any:
    """Return a model, adapted as the delta's was, with its weights: `model` is as it was built, with the base's weights in place.

    Raises:
        BundleError: The model has other weights than the base, or is of another shape.
    """
    from slmcli.adapting import adapt

    adapted = adapt(model, delta.adaptation)
    trained, frozen = _divide(adapted)
    _check_shapes(trained, delta)
    found = _fingerprint(frozen)
    if found != delta.base:
        raise BundleError(
            f"the delta was trained on a base with fingerprint {delta.base}, and the model's is {found}. "
            "Apply it to the run that it was trained from, or train it again from this one."
        )
    for name, weight in trained.items():
        weight.assign(delta.arrays[name])
    return adapted


def _divide(model: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the weights of a model that are trained, and the others, by name."""
    from slmcli.model_parts import named_weights

    named = named_weights(model)
    trained = {name: weight for name, weight in named.items() if weight.trainable}
    return trained, {name: weight for name, weight in named.items() if name not in trained}


def _fingerprint(weights: Mapping[str, Any]) -> str:
    """Return 16 digits of the SHA-256 of names, shapes and values, whatever their order."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        values = np.ascontiguousarray(weights[name].numpy(), "<f4")
        digest.update(f"{name} {values.shape}\n".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()[:16]


def _check_shapes(weights: Mapping[str, Any], delta: Delta) -> None:
    expected = {name: tuple(weight.shape) for name, weight in weights.items()}
    found = {name: tuple(array.shape) for name, array in delta.arrays.items()}
    differing = sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name))
    if differing:
        name = differing[0]
        raise BundleError(
            f"the delta does not fit the model: {name} is {_said(found, name)} in the delta and {_said(expected, name)} in the model. "
            "Build the model with the settings of the run that the delta was trained from."
        )


def _said(shapes: Mapping[str, Sequence[int]], name: str) -> str:
    return f"{tuple(shapes[name])}" if name in shapes else "missing"


def _read_arrays(path: Path, sha256: str) -> dict[str, np.ndarray]:
    try:
        if sha256_file(path) != sha256:
            raise BundleError(f"{path} is not as it was written. The delta is damaged; train it again.")
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise BundleError(f"{path} cannot be read ({error}). The delta is damaged; train it again.") from error

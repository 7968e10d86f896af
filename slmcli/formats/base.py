"""What every format does: write a model, and load one that computes."""

import abc
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar  # Any: Keras models

import numpy as np

# name of each input feature to (batch, length) int32 -> outputs (batch, values) float32; what the model does not read is ignored
Forward = Callable[[Mapping[str, np.ndarray]], np.ndarray]


class Format(abc.ABC):
    """A way to store a model. `load` imports only what the format itself needs."""

    name: ClassVar[str]
    file_name: ClassVar[str]
    quantizations: ClassVar[tuple[str, ...]] = ("none",)

    @abc.abstractmethod
    def save(self, model: Any, directory: Path, *, quantize: str) -> None:
        """Write a `keras.Model` from its input features, each (batch, length) int32, to its outputs."""

    @abc.abstractmethod
    def load(self, directory: Path, *, threads: int) -> Forward:
        """Return a function that computes the model on `threads` threads; 0 means all processors."""

"""What every format does: write a model, and load one that computes."""

import abc
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self  # Any: Keras models, and graphs of texts

import numpy as np

# name of each input feature to (batch, length) int32
Features = Mapping[str, np.ndarray]
# features -> outputs (batch, values) float32; what the model does not read is ignored
Forward = Callable[[Features], np.ndarray]


class TextReading(Protocol):
    """How texts become features, and outputs answers, for a format that holds that too."""

    def check(self) -> None:
        """Refuse, by `ConfigError`, what a graph cannot hold exactly."""

    def open(self, directory: Path) -> Any:
        """Return the graph of it, a `slmcli.text_graph.TextGraph`, which writes files into the directory."""


class Format(abc.ABC):
    """A way to store a model. `load` imports only what the format itself needs."""

    name: ClassVar[str]
    file_name: ClassVar[str]
    quantizations: ClassVar[tuple[str, ...]] = ("none",)
    # those that look at texts to learn in which range numbers lie
    calibrated: ClassVar[tuple[str, ...]] = ()

    def with_texts(self, reading: TextReading) -> Self:
        """Return the same format, told how texts become features; most hold nothing of that.

        Raises:
            ConfigError: The format holds it, and cannot hold this one exactly.
        """
        return self

    def size(self, directory: Path) -> int:
        """Return the bytes of the model in a directory, of all its files where it has several."""
        path = directory / self.file_name
        return sum(file.stat().st_size for file in (path, *path.rglob("*")) if file.is_file())

    @abc.abstractmethod
    def save(self, model: Any, directory: Path, *, quantize: str, calibration: Sequence[Features] = ()) -> None:
        """Write a `keras.Model` from its input features to its outputs.

        Args:
            model: The model.
            directory: Where the file goes.
            quantize: One of `quantizations`.
            calibration: Batches of input features of real texts, for one of `calibrated`.
        """

    @abc.abstractmethod
    def load(self, directory: Path, *, threads: int) -> Forward:
        """Return a function that computes the model on `threads` threads; 0 means all processors."""

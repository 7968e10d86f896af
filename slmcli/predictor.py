"""Predictions from raw text, whatever the format of the bundle."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any  # Any: what a task decodes to

import numpy as np

from slmcli.batching import pad
from slmcli.bundle import Bundle, open_bundle
from slmcli.ngrams import FEATURE, encode_example
from slmcli.reading import Example
from slmcli.tokenizers.base import PADDING_ID

# a text, or the value of each field for a task with more than one text
Input = str | Mapping[str, Any]


class Predictor:
    """A loaded bundle. TensorFlow is imported only when the format needs it."""

    def __init__(self, bundle: Bundle, *, threads: int = 0) -> None:
        self.bundle = bundle
        self._forward = bundle.format.load(bundle.path, threads=threads)

    def probabilities(self, texts: Sequence[Input], *, batch_size: int = 64) -> np.ndarray:
        """Return what the task says of each text, (texts, width) float32, in the order of the texts; probabilities for most.

        Texts of similar length share a batch; which ones do changes no result beyond rounding.
        """
        return self.probabilities_of(self.encode(texts), batch_size=batch_size)

    def features(self, texts: Sequence[Input]) -> dict[str, np.ndarray]:
        """Return what the model reads of texts: each input feature as (texts, length) int32."""
        return self._batch(self.encode(texts))

    def encode(self, texts: Sequence[Input]) -> list[dict[str, np.ndarray]]:
        """Return the features of each text, as `probabilities_of` takes them."""
        bundle = self.bundle
        parts = (bundle.task, bundle.tokenizer, bundle.encoding, bundle.ngrams)
        return [encode_example(self._as_example(text), *parts) for text in texts]

    def probabilities_of(self, encoded: Sequence[Mapping[str, np.ndarray]], *, batch_size: int = 64) -> np.ndarray:
        """Return the same of texts that are features already, as `encode_example` returns them."""
        bundle = self.bundle
        result = np.zeros((len(encoded), bundle.task.width), np.float32)
        order = sorted(range(len(encoded)), key=lambda row: max(len(encoded[row][name]) for name in bundle.task.input_features))
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            result[rows] = bundle.task.probabilities(self._forward(self._batch([encoded[row] for row in rows])))
        return result

    def _as_example(self, text: Input) -> Example:
        """Return what is read of a text or of named values; what is to be predicted is left out."""
        values = {"text": text} if isinstance(text, str) else text
        return Example({field.name: values.get(field.name) for field in self.bundle.task.fields if not field.is_target}, "", 0)

    def _batch(self, encoded: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
        """Return each input feature as (batch, length) int32, padded to the longest of its own, or to the only length the model takes."""
        batch = {}
        for name in self.bundle.task.input_features:
            sequences = [features[name] for features in encoded]
            fixed = None if name == FEATURE else self.bundle.length
            batch[name] = pad(sequences, length=fixed or max(1, *map(len, sequences)), pad_id=PADDING_ID)
        return batch

    def predict(self, texts: Sequence[Input], *, batch_size: int = 64) -> list[dict[str, Any]]:
        """Return what the task decodes for each text, in order."""
        return [self.bundle.task.decode(row) for row in self.probabilities(texts, batch_size=batch_size)]

    def predict_stream(self, texts: Iterable[Input], *, batch_size: int = 64) -> Iterator[dict[str, Any]]:
        """Yield predictions in order, holding one batch of texts in memory."""
        remaining = iter(texts)
        while batch := list(islice(remaining, batch_size)):
            yield from self.predict(batch, batch_size=batch_size)


def open_predictor(path: Path, *, threads: int = 0) -> Predictor:
    """Open the bundle at `path`, or the one inside a run, and load its model."""
    return Predictor(open_bundle(path), threads=threads)

"""Predictions from raw text, whatever the format of the bundle."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any  # Any: what a task decodes to

import numpy as np

from slmcli.batching import pad
from slmcli.bundle import Bundle, open_bundle
from slmcli.reading import Example
from slmcli.tokenizers.base import PADDING_ID


class Predictor:
    """A loaded bundle. TensorFlow is imported only when the format needs it."""

    def __init__(self, bundle: Bundle, *, threads: int = 0) -> None:
        self.bundle = bundle
        self._forward = bundle.format.load(bundle.path, threads=threads)

    def probabilities(self, texts: Sequence[str], *, batch_size: int = 64) -> np.ndarray:
        """Return (texts, classes) float32 probabilities in the order of the texts.

        Texts of similar length share a batch; which ones do changes no result beyond rounding.
        """
        bundle = self.bundle
        encoded = [bundle.task.encode(Example({"text": text}, "", 0), bundle.tokenizer, bundle.encoding)["token_ids"] for text in texts]
        result = np.zeros((len(texts), len(bundle.task.labels)), np.float32)
        order = sorted(range(len(encoded)), key=lambda position: len(encoded[position]))
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            length = bundle.length or max(1, len(encoded[rows[-1]]))
            token_ids = pad([encoded[row] for row in rows], length=length, pad_id=PADDING_ID)
            result[rows] = softmax(self._forward(token_ids))
        return result

    def predict(self, texts: Sequence[str], *, batch_size: int = 64) -> list[dict[str, Any]]:
        """Return what the task decodes for each text, in order."""
        return [self.bundle.task.decode(row) for row in self.probabilities(texts, batch_size=batch_size)]

    def predict_stream(self, texts: Iterable[str], *, batch_size: int = 64) -> Iterator[dict[str, Any]]:
        """Yield predictions in order, holding one batch of texts in memory."""
        remaining = iter(texts)
        while batch := list(islice(remaining, batch_size)):
            yield from self.predict(batch, batch_size=batch_size)


def open_predictor(path: Path, *, threads: int = 0) -> Predictor:
    """Open the bundle at `path`, or the one inside a run, and load its model."""
    return Predictor(open_bundle(path), threads=threads)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return probabilities (batch, classes) float32 of logits (batch, classes)."""
    shifted = np.exp(logits.astype(np.float32) - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)

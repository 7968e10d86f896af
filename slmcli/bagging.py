"""Solve the bag of n-grams of a dataset, and keep it as a checkpoint."""

import io
import logging
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple  # Any: tensors, JSON documents

import numpy as np

from slmcli.backbones.bag import Bag
from slmcli.batching import label_weights_of
from slmcli.dataset import Dataset
from slmcli.directions import PASSES, fit_along
from slmcli.errors import Interrupted
from slmcli.files import write_bytes
from slmcli.linear import Blocks, LinearModel, Loss, Scaling, combine, fit
from slmcli.mixing import LEAST_EXAMPLES, choose_shares
from slmcli.ngrams import FEATURE
from slmcli.other_texts import Part, find_parts
from slmcli.packed import read_features
from slmcli.run import Run
from slmcli.signals import StopRequest, stop_on_signal
from slmcli.tasks.base import TrainableTask
from slmcli.training_config import FinetuneSettings

logger = logging.getLogger(__name__)

_LAYER = "ngram_bag"
# our choice, on validation data (docs/decisions.md): examples beyond the margin drop out of the loss as it falls, and as many passes are not enough
_MARGIN_PASSES = 2
# our choice, on validation data (docs/decisions.md): inverse of the ridge penalty along directions of variance 1, and passes over few numbers
_DIRECTIONS_STRENGTH, _DIRECTIONS_PASSES = 0.1, 30
_ARRAYS = ("weights", "idf", "bias")


class _Way(NamedTuple):
    """A regression that is solved, and one day mixed with the others."""

    loss: Loss
    scaling: Scaling | Literal["directions"]
    strength: float
    passes: int

    @property
    def most_passes(self) -> int:
        """Passes over the texts, with those that find directions, in one part of the texts or in two."""
        return 2 * (PASSES + self.passes) if self.scaling == "directions" else self.passes


class Solving:
    """A bag of n-grams: solved here, or read from the checkpoint that an earlier process left.

    Args:
        dataset: The encoded dataset, with n-grams.
        task: What it is solved for.
        settings: Settled settings.
        bag: How it is solved.
        run: Where its checkpoint is.
    """

    def __init__(self, dataset: Dataset, task: TrainableTask, settings: FinetuneSettings, bag: Bag, run: Run) -> None:
        ngrams = dataset.load_ngrams()
        if ngrams is None:
            raise AssertionError("a plan has a bag only for datasets with n-grams")
        self.dataset, self.settings, self.bag, self.run = dataset, settings, bag, run
        self.task = task.with_inputs((FEATURE,))
        self.ngrams = ngrams
        self.facts: dict[str, Any] = {}
        self.shares = np.ones(0, np.float32)  # of each regression
        self._parts: list[Part] | None = None
        self.model = self._read()

    def fit(self, report: Callable[[Mapping[str, Any]], None]) -> None:
        """Solve it, unless that was done.

        Raises:
            Interrupted: A signal came; nothing is kept, since solving takes seconds.
        """
        if self.model is not None:
            return
        models, passes = self._solve(("train",), report)
        self.shares = self._choose_shares(models)
        self.model = combine(models, self.shares)
        passes.finish()
        self._parts = self._parts if self.settings.refit else None  # they are large
        self.facts = {"passes": passes.done, "seconds": passes.seconds, "loss": passes.loss, "ngrams": len(self.ngrams)}
        self._write()

    def refit(self, model: Any, report: Callable[[Mapping[str, Any]], None]) -> float:
        """Solve it again on training and validation examples together, put what was found into a model, and return the seconds.

        The regressions keep the shares that validation chose. The checkpoint stays as it is.

        Args:
            model: What `best_model` returned.
            report: Told of every pass.

        Raises:
            Interrupted: A signal came.
        """
        models, passes = self._solve(("train", "validation"), lambda event: report({**event, "is_refit": True}))
        passes.finish()
        self._parts = None
        found = combine(models, self.shares)
        model.get_layer(_LAYER).fill(found.weights, found.idf, found.bias)
        return passes.seconds

    def _solve(self, splits: Sequence[str], report: Callable[[Mapping[str, Any]], None]) -> tuple[list[LinearModel], "_Passes"]:
        """Solve each regression on the examples of some splits; return what was found, and the passes that it took."""
        models, ways, started = [], self._ways(), time.monotonic()
        with stop_on_signal() as stop:
            blocks, targets, weights = self._read_examples(*splits)
            passes = _Passes(report, self.run, stop, sum(way.most_passes for way in ways), started)
            for way in ways:
                # margins are of labels, not of probabilities
                is_margin = way.loss == "hinge"
                columns = self._columns(
                    self._labels(targets) if is_margin else targets, smoothing=0.0 if is_margin else self.settings.label_smoothing
                )
                if way.scaling == "directions":
                    models.append(self._solve_along(way, blocks, columns, weights, passes))
                else:
                    options: dict[str, Any] = {"loss": way.loss, "scaling": way.scaling, "strength": way.strength, "iterations": way.passes}
                    models.append(fit(blocks, columns, weights, **options, report=passes))
                passes.begin_again()
        return models, passes

    def _solve_along(self, way: _Way, blocks: Blocks, columns: np.ndarray, weights: np.ndarray, passes: "_Passes") -> LinearModel:
        """Solve a regression along directions that were found in other texts: the mean of those of all parts."""
        if self._parts is None:
            read = self.dataset.examples("train")  # which are the first
            self._parts = find_parts(self.dataset, blocks.take(np.arange(read)), width=self.bag.bag_directions or 0, report=passes.tick)
        models = []
        for part in self._parts:
            rows = np.flatnonzero(np.concatenate([part.is_other, np.ones(len(columns) - len(part.is_other), bool)]))
            options: dict[str, Any] = {"loss": way.loss, "strength": way.strength, "iterations": way.passes}
            models.append(fit_along(part.axes, blocks.take(rows), blocks.idf, columns[rows], weights[rows], **options, report=passes))
            passes.begin_again()
        return combine(models, np.full(len(models), 1.0 / len(models)))

    def _labels(self, targets: np.ndarray) -> np.ndarray:
        """Return the targets as labels: 1 for the most probable where one of several is right, whoever has said so."""
        return np.eye(targets.shape[1], dtype=np.float32)[targets.argmax(axis=1)] if self.task.output_loss == "softmax" else targets

    def _ways(self) -> list[_Way]:
        """Return each regression that is solved; the squared error has no naive Bayes, and margins are no probabilities without validation."""
        loss = self.task.output_loss
        passes = self.bag.bag_passes
        plain = _Way(loss, "none", self.bag.bag_plain_strength or 10.0, passes)
        along = [_Way(loss, "directions", _DIRECTIONS_STRENGTH, _DIRECTIONS_PASSES)]
        along = along if self.bag.bag_directions and self.dataset.examples("train") > 1 else []
        if loss == "square":
            return [plain, *along]
        ways = [_Way(loss, "naive_bayes", self.bag.bag_strength or 10.0, passes), plain, *along]
        if self.dataset.examples("validation") >= LEAST_EXAMPLES:
            ways.append(_Way("hinge", "naive_bayes", self.bag.bag_margin_strength or 1.0, _MARGIN_PASSES * passes))
        return ways

    def _choose_shares(self, models: Sequence[LinearModel]) -> np.ndarray:
        """Return how much each model counts, by the validation examples; equally much without them."""
        if len(models) == 1 or not self.dataset.examples("validation"):
            return np.full(len(models), 1.0 / len(models))
        blocks, targets, _ = self._read_examples("validation")
        columns = self._columns(targets, smoothing=0.0)
        loss = self.task.output_loss if columns.shape[1] > 1 else "sigmoid"
        return choose_shares(np.stack([model.predict(blocks) for model in models], axis=1), columns, loss=loss)

    def _read_examples(self, *splits: str) -> tuple[Blocks, np.ndarray, np.ndarray]:
        """Return n-grams, targets (examples, width) float32 and weights (examples,) float32 of the examples of some splits."""
        label_weights = np.array(label_weights_of(self.dataset, class_weights=self.settings.class_weights), np.float32)
        features = read_features([shard for split in splits for shard in self.dataset.shards(split)], self.task)
        _, targets, weights = self.task.make_batch(self.task.stack_targets(features), label_weights)
        ngrams = features[FEATURE]
        blocks = Blocks.of(ngrams.values.numpy(), ngrams.row_lengths().numpy(), size=len(self.ngrams), words=self.ngrams.words)
        return blocks, targets.numpy(), weights.numpy()

    def _columns(self, targets: np.ndarray, *, smoothing: float) -> np.ndarray:
        """Return the targets as they are solved for: smoothed, and of two labels the second alone."""
        if self.task.output_loss == "softmax":
            targets = targets * (1.0 - smoothing) + smoothing / targets.shape[1]
            return targets[:, 1:] if targets.shape[1] == 2 else targets
        return targets * (1.0 - smoothing) + 0.5 * smoothing if self.task.output_loss == "sigmoid" else targets

    def best_model(self) -> Any:
        """Return a `keras.Model` from ngram_ids (batch, n-grams) int32 to outputs (batch, width) float32."""
        import keras

        from slmcli.layers import NgramBag

        if self.model is None:
            raise AssertionError("a bag is solved before it is used")
        outputs = self.model.weights.shape[1]
        ngram_ids = keras.Input((None,), dtype="int32", name=FEATURE)
        layer = NgramBag(len(self.ngrams), self.model.words, outputs, is_mirrored=outputs < self.task.width, name=_LAYER)
        model = keras.Model(ngram_ids, layer(ngram_ids), name="bag")
        layer.fill(self.model.weights, self.model.idf, self.model.bias)
        return model

    def summary(self) -> dict[str, Any]:
        """Return how it went; a pass over the training examples counts as an epoch, and as a step."""
        passes, examples = self.facts["passes"], self.dataset.examples("train")
        tokens = sum(length * count for length, count in self.dataset.length_histogram("train").items())
        return {
            "epochs": passes,
            "best_epoch": passes,
            "steps": passes,
            "seconds": self.facts["seconds"],
            "examples_seen": passes * examples,
            "tokens_seen": passes * tokens,
        }

    def _write(self) -> None:
        if self.model is None:
            raise AssertionError("a bag is solved before it is kept")
        buffer = io.BytesIO()
        arrays: dict[str, Any] = {name: getattr(self.model, name) for name in (*_ARRAYS, "words")}
        np.savez(buffer, **arrays, shares=self.shares, **self.facts)
        write_bytes(self.run.bag, buffer.getvalue())

    def _read(self) -> LinearModel | None:
        """Return what an earlier process solved; None when there is nothing, or nothing whole."""
        found = _load(self.run.bag)
        if found is None:
            return None
        self.facts = {name: found[name].item() for name in ("passes", "seconds", "loss", "ngrams")}
        self.shares = found["shares"]
        return LinearModel(found["weights"], found["idf"], found["bias"], int(found["words"]))


def _load(path: Path) -> dict[str, np.ndarray] | None:
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile):
        logger.warning("%s is damaged; the bag is solved again.", path)
        return None


class _Passes:
    """Count passes, tell them, and stop when a signal asks for it."""

    def __init__(self, report: Callable[[Mapping[str, Any]], None], run: Run, stop: StopRequest, most: int, started: float) -> None:
        self._report, self._run, self._stop, self._most, self._started = report, run, stop, most, started
        self.done, self.loss = 0, float("nan")
        self._before = 0

    def __call__(self, done: int, loss: float) -> None:
        self.done, self.loss = self._before + done, loss
        self._tell(is_last=False)
        if self._stop.is_set:
            raise Interrupted(f"interrupted while the bag of n-grams was solved, after pass {done}. Go on with {self._run.resume_command}")

    @property
    def seconds(self) -> float:
        """Seconds since the first began."""
        return round(time.monotonic() - self._started, 2)

    def tick(self) -> None:
        """Count one pass over texts in which no loss is computed."""
        self(1, self.loss)
        self.begin_again()

    def begin_again(self) -> None:
        """Count the passes of another regression on top."""
        self._before = self.done

    def finish(self) -> None:
        """Tell that no more passes follow."""
        self._tell(is_last=True)

    def _tell(self, *, is_last: bool) -> None:
        progress = {"pass": self.done, "passes": self._most, "loss": self.loss, "seconds": round(self.seconds, 1)}
        self._report({"event": "pass", **progress, "is_last": is_last})

"""Keras callbacks of a training: checkpoints that make resuming exact, early stopping, the log."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol  # Any: Keras logs

import keras

from slmcli.errors import Interrupted, SlmError
from slmcli.run import Progress, Run, interruption, load_variables, save_state
from slmcli.runtime import peak_memory_megabytes
from slmcli.signals import StopRequest

_LOG_SECONDS = 10.0
_RATE_SECONDS = 0.1  # our choice: shorter than anybody reads


class Limits(Protocol):
    """Settings that say when a training is saved and when it ends."""

    @property
    def learning_rate(self) -> float | None: ...  # noqa: D102  (what the settings say of it)
    @property
    def checkpoint_minutes(self) -> float: ...  # noqa: D102
    @property
    def max_minutes(self) -> float | None: ...  # noqa: D102
    @property
    def patience(self) -> int: ...  # noqa: D102
    @property
    def monitor(self) -> str: ...  # noqa: D102


@dataclass(frozen=True)
class Size:
    """How much there is to do.

    Attributes:
        steps: Steps of the whole training; None: as many as there is time for.
        epochs: Epochs of it.
        examples: Examples a step, on average.
        tokens: Tokens a step, on average.
        max_minutes: Minutes after which it ends.
    """

    steps: int | None
    epochs: int | None
    examples: float
    tokens: float
    max_minutes: float | None

    def share_done(self, progress: Progress) -> float:
        """Return how much of the training is done, 0 to 1, by steps or by the clock, whichever is further."""
        by_steps = progress.step / self.steps if self.steps else 0.0
        by_clock = progress.seconds / (60 * self.max_minutes) if self.max_minutes else 0.0
        return min(1.0, max(by_steps, by_clock))


class Checkpoint(keras.callbacks.Callback):
    """Keep the best epoch's weights and the last state; restore that state; stop early, in time, or on a signal.

    The state is everything the next step depends on: weights, seed generators of dropout, optimizer, metrics of the epoch in work,
    and the progress. The order of examples follows from the seed and the epoch's number.
    """

    def __init__(
        self, run: Run, progress: Progress, settings: Limits, stop: StopRequest, *, is_epoch_over: Callable[[], bool], has_validation: bool
    ) -> None:
        super().__init__()
        self._is_epoch_over = is_epoch_over
        self._run = run
        self._progress = progress
        self._settings = settings
        self._stop = stop
        self._has_validation = has_validation
        self._is_restored = not run.last_checkpoint.exists()
        self._clock = time.monotonic()
        self._saved_at = self._clock

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Restore the saved state once; Keras has reset the metrics just before."""
        if not self._is_restored:
            load_variables(self._run.last_checkpoint, self._variables())
            self._is_restored = True

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Count the step; save when a signal or the clock asks for it."""
        progress = self._progress
        progress.step += 1
        progress.step_in_epoch += 1
        self._tick()
        self._check_loss((logs or {}).get("loss", 0.0))
        if self._is_epoch_over():
            return  # the end of the epoch follows, and saves
        if self._stop.is_set:
            self._save()
            raise Interrupted(interruption(self._run, progress))
        if self._is_out_of_time():
            self._finish()
        elif time.monotonic() - self._saved_at >= 60 * self._settings.checkpoint_minutes:
            self._save()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Compare with the best epoch, then save."""
        self._tick()
        progress, scores = self._progress, {name: float(value) for name, value in (logs or {}).items()}
        self._check_loss(scores.get("val_loss", 0.0))
        value = self._monitored(scores)
        if value < progress.best_value or not self._has_validation:
            progress.best_value, progress.best_epoch, progress.epochs_since_best = value, epoch, 0
            self._save_best()
        else:
            progress.epochs_since_best += 1
        progress.history.append({"epoch": epoch + 1, "step": progress.step, **scores})
        progress.epoch, progress.step_in_epoch = epoch + 1, 0
        if progress.epochs_since_best >= self._settings.patience or self._is_out_of_time():
            self._finish()
        self._save()
        if self._stop.is_set:
            self.model.stop_training = True  # the session raises, once the epoch is reported

    def _monitored(self, scores: Mapping[str, float]) -> float:
        """Return the value that shall fall."""
        if not self._has_validation:
            return scores["loss"]
        return scores["val_loss"] if self._settings.monitor == "loss" else -scores["val_accuracy"]

    def _is_out_of_time(self) -> bool:
        return self._settings.max_minutes is not None and self._progress.seconds >= 60 * self._settings.max_minutes

    def _finish(self) -> None:
        self._progress.is_finished = True
        self.model.stop_training = True

    def _check_loss(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise SlmError(
                f"the loss is {loss} at step {self._progress.step}. Pass a lower --learning-rate (now {self._settings.learning_rate}), "
                "or --clip-norm 1, and begin anew with --overwrite. The last good checkpoint is kept."
            )

    def _tick(self) -> None:
        now = time.monotonic()
        self._progress.seconds += now - self._clock
        self._clock = now

    def _save(self) -> None:
        save_state(self._run.last_checkpoint, self._variables(), self._progress)
        self._saved_at = time.monotonic()

    def _save_best(self) -> None:
        part = self._run.best_checkpoint.with_name("part.weights.h5")
        self.model.save_weights(part, overwrite=True)
        part.replace(self._run.best_checkpoint)

    def _variables(self) -> list[Any]:
        return [*self.model.variables, *self.model.optimizer.variables, *self.model.metrics_variables]


class Report(keras.callbacks.Callback):
    """Tell every step and epoch to a listener, and write log.jsonl."""

    def __init__(self, listener: Callable[[Mapping[str, Any]], None], run: Run, progress: Progress, size: Size) -> None:
        super().__init__()
        self._listener = listener
        self._run = run
        self._progress = progress
        self._size = size
        self._started = time.monotonic()
        self._first_step = progress.step
        self._logged_at = self._started
        self._rate, self._rate_at = 0.0, float("-inf")

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Tell the step; log one every ten seconds."""
        is_logged = time.monotonic() - self._logged_at >= _LOG_SECONDS
        event = {"event": "step", **self._state(is_exact=is_logged), **{name: float(value) for name, value in (logs or {}).items()}}
        self._listener(event)
        if is_logged:
            self._logged_at = time.monotonic()
            self._run.log(event)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Tell and log the epoch."""
        is_best = self._progress.best_epoch == epoch
        event = {
            "event": "epoch",
            **self._state(is_exact=True),
            "epoch": epoch + 1,
            **{name: float(value) for name, value in (logs or {}).items()},
            "is_best": is_best,
        }
        self._listener(event)
        self._run.log(event)

    def _learning_rate(self, *, is_exact: bool) -> float:
        """Return the learning rate, or that of a moment ago: a schedule takes a dozen operations, which a step of few milliseconds feels."""
        now = time.monotonic()
        if is_exact or now - self._rate_at >= _RATE_SECONDS:
            self._rate_at, self._rate = now, float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        return self._rate

    def _state(self, *, is_exact: bool) -> dict[str, Any]:
        """Return where the training is, how fast and how long still."""
        progress, size = self._progress, self._size
        seconds = max(1e-6, time.monotonic() - self._started)
        steps_per_second = (progress.step - self._first_step) / seconds
        steps = size.steps or round(progress.step / max(1e-6, size.share_done(progress)))
        left = (steps - progress.step) / steps_per_second if steps_per_second else 0.0
        if size.max_minutes:
            left = min(left, 60 * size.max_minutes - progress.seconds)
        return {
            "epoch": progress.epoch + 1,
            "epochs": size.epochs,
            "step": progress.step,
            "steps": steps,
            "learning_rate": self._learning_rate(is_exact=is_exact),
            "examples_per_second": round(steps_per_second * size.examples, 1),
            "tokens_per_second": round(steps_per_second * size.tokens),
            "memory_megabytes": round(peak_memory_megabytes()),
            "seconds_left": round(max(0.0, left)),
        }


def build_metrics(model: Any, inputs: Any, targets: Any, weights: Any) -> None:
    """Make Keras create the variables of a compiled model's metrics, which it does on their first use, so that a saved state fits.

    They are told of a batch for which the model said nothing: zeros. A batch through the model would trace it once more, which takes
    seconds where a recurrence is large. What they add up is forgotten when an epoch begins.

    Args:
        model: The model.
        inputs: What it reads of a batch.
        targets: What is right.
        weights: What each example counts.
    """
    import tensorflow as tf

    first = tf.nest.flatten(inputs)[0]
    outputs = tf.zeros([tf.shape(first)[axis] if size is None else size for axis, size in enumerate(model.output_shape)])
    model.compute_loss(x=inputs, y=targets, y_pred=outputs, sample_weight=weights, training=False)
    model.compute_metrics(inputs, targets, outputs, weights)

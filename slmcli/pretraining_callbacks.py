"""Keras callbacks of a pretraining: the learning rate by what is left, and judgements at equal distances."""

import math
from collections.abc import Callable, Mapping
from typing import Any  # Any: Keras logs

import keras

from slmcli.callbacks import Size
from slmcli.language_model_config import PretrainSettings
from slmcli.run import Progress, Run

# our choice: a hundredth, as elsewhere
_LAST_SHARE = 0.01


def rate_at(share_done: float, settings: PretrainSettings) -> float:
    """Return the learning rate: a linear rise, then a cosine to a hundredth (Loshchilov & Hutter 2017, equation 5, without restarts)."""
    highest = settings.learning_rate or 0.0
    if share_done < settings.warmup:
        # not 0, which would waste the first step
        return highest * max(share_done / settings.warmup, _LAST_SHARE)
    progress = (share_done - settings.warmup) / (1.0 - settings.warmup)
    cosine = 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))
    return highest * (_LAST_SHARE + (1.0 - _LAST_SHARE) * cosine)


class Pace(keras.callbacks.Callback):
    """Set the learning rate before every step, and end an epoch when the next judgement is due.

    An epoch, to Keras, is what lies between two judgements. Place it behind `Checkpoint`, which counts the steps.
    """

    def __init__(self, progress: Progress, settings: PretrainSettings, size: Size) -> None:
        super().__init__()
        self._progress = progress
        self._settings = settings
        self._size = size

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Set the learning rate."""
        self.model.optimizer.learning_rate.assign(rate_at(self._size.share_done(self._progress), self._settings))

    def is_epoch_over(self) -> bool:
        """Say whether a judgement is due after the steps that are done."""
        return self._size.share_done(self._progress) * self._settings.validations >= self._progress.epoch + 1

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """End the epoch, or the training."""
        if self._size.share_done(self._progress) >= 1.0:
            self._progress.is_finished = True
        if self.is_epoch_over():
            self.model.stop_training = True


class Judge(keras.callbacks.Callback):
    """Judge the model at the end of an epoch; what is found joins the epoch's scores. Place it before `Checkpoint`, which looks at them."""

    def __init__(self, judge: Callable[[], dict[str, float]]) -> None:
        super().__init__()
        self._judge = judge

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Add the scores."""
        logs.update(self._judge())


class Samples(keras.callbacks.Callback):
    """Let the model write at the end of every epoch, tell it to a listener, and write it into log.jsonl. Place it last."""

    def __init__(self, write: Callable[[], list[str]], listener: Callable[[Mapping[str, Any]], None], run: Run, progress: Progress) -> None:
        super().__init__()
        self._write, self._listener, self._run, self._progress = write, listener, run, progress

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write."""
        event = {"event": "samples", "epoch": epoch + 1, "step": self._progress.step, "samples": self._write()}
        self._listener(event)
        self._run.log(event)

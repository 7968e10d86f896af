"""Train vectors of words: by windows or by passages, step by step, with checkpoints that make going on exact."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any  # Any: Keras models, JSON documents

import numpy as np

from slmcli.callbacks import Size
from slmcli.character_ngrams import CharacterNgrams
from slmcli.dataset import Dataset
from slmcli.errors import DataError, Interrupted, SlmError
from slmcli.intervals import Interval
from slmcli.objectives import OBJECTIVES
from slmcli.objectives.word_vectors import FastSent
from slmcli.passage_vectors import PassageTrainer
from slmcli.passages import PassageSettings
from slmcli.pretrain_plan import PretrainPlan
from slmcli.run import Progress, Run, interruption, load_progress, load_variables, save_state
from slmcli.runtime import peak_memory_megabytes
from slmcli.signals import stop_on_signal
from slmcli.token_windows import pack, read_documents
from slmcli.word2vec import WordVectorTrainer, centred, falling_rate
from slmcli.word_windows import WindowSettings, keep_probabilities

_LOG_SECONDS = 10.0
# our choice: a batch of 6,144 tokens, and fewer where an epoch would have less than some hundred
_BLOCKS, _LEAST_STEPS = 256, 200
_PAIRS = 128  # our choice


class WordVectorSession:
    """The training of vectors of words in one process.

    Args:
        dataset: The encoded dataset.
        plan: What to do.
        run: Where the checkpoints are.
    """

    def __init__(self, dataset: Dataset, plan: PretrainPlan, run: Run) -> None:
        self.settings, self.run = plan.settings, run
        self.vocabulary_size: int = dataset.description["vocabulary_size"]
        self.tokenizer = dataset.load_tokenizer()
        self.progress: Progress = load_progress(run.last_checkpoint)
        documents = read_documents(dataset, "train")
        token_ids = pack(documents, range(len(documents)), gap=0)[1:]
        self.counts = np.bincount(token_ids, minlength=self.vocabulary_size)
        self.tokens = len(token_ids)
        objective = OBJECTIVES.load(self.settings.objective)
        self.trainer: Any  # one of both, whose batches only it reads
        if issubclass(objective, FastSent):
            self.trainer = self._passage_trainer(documents, plan.backbone.embedding)
        else:
            self.trainer = self._window_trainer(token_ids, objective.direction, plan)
        self._loss: float = self.progress.history[-1]["loss"] if self.progress.history else 0.0

    def _window_trainer(self, token_ids: np.ndarray, direction: Any, plan: PretrainPlan) -> WordVectorTrainer:
        settings = WindowSettings(
            objective=direction,
            window=self.settings.word_window,
            negative=self.settings.negative,
            sample=self.settings.subsample,
            block=max(24, 2 * self.settings.word_window),
            blocks=max(1, min(_BLOCKS, len(token_ids) // (24 * _LEAST_STEPS))),
        )
        buckets = plan.backbone.subword_buckets
        ngrams = CharacterNgrams.of(self.tokenizer, buckets=buckets) if buckets else None
        return WordVectorTrainer(token_ids, self.counts, settings, width=plan.backbone.embedding, seed=self.settings.seed, ngrams=ngrams)

    def _nothing_left(self) -> DataError:
        left_out = f"--subsample {self.settings.subsample} leaves out frequent ones"
        return DataError(f"no word was left to learn from: {left_out}. Pass --subsample 0, or give more text.")

    def _passage_trainer(self, documents: Sequence[np.ndarray], width: int) -> PassageTrainer:
        if all(len(document) < 2 for document in documents):
            raise DataError("no text has two words, so that none has two passages. Preprocess with --document file, or pass another --objective.")
        if self.counts @ keep_probabilities(self.counts, self.settings.subsample) < 1.0:
            raise self._nothing_left()
        length = 2 * self.settings.passage
        stretches = sum(-(-len(document) // length) for document in documents)
        pairs = self.settings.batch_size or max(1, min(_PAIRS, stretches // _LEAST_STEPS))
        settings = PassageSettings(length, self.settings.subsample, pairs)
        return PassageTrainer(documents, self.counts, settings, width=width, seed=self.settings.seed)

    def fit(self, report: Callable[[Mapping[str, Any]], None]) -> None:
        """Train from where the run stands to the end.

        Raises:
            Interrupted: A signal came.
        """
        progress = self.progress
        if self.run.last_checkpoint.exists():
            load_variables(self.run.last_checkpoint, self.trainer.variables)
        if progress.is_finished:
            return
        self.run.forget_log_after(progress.step)
        with stop_on_signal() as stop:
            while not progress.is_finished:
                self._fit_epoch(report, lambda: stop.is_set)
        if not progress.step:
            raise self._nothing_left()
        save_state(self.run.last_checkpoint, self.trainer.variables, progress)

    def _fit_epoch(self, report: Callable[[Mapping[str, Any]], None], is_stopped: Callable[[], bool]) -> None:
        progress, settings = self.progress, self.settings
        epoch = self.trainer.windows.draw(progress.epoch, seed=settings.seed)
        steps = len(epoch) * settings.epochs if settings.epochs else None
        size = Size(steps, settings.epochs, 1.0, self.tokens / max(1, len(epoch)), settings.max_minutes)
        clock = saved_at = logged_at = time.monotonic()
        for batch in epoch.batches(progress.step_in_epoch):
            rate = falling_rate(settings.learning_rate or 0.0, progress=size.share_done(progress))
            self._loss = self._checked(self.trainer.train_on(batch, rate))
            progress.step, progress.step_in_epoch = progress.step + 1, progress.step_in_epoch + 1
            now = time.monotonic()
            progress.seconds, clock = progress.seconds + now - clock, now
            is_logged = now - logged_at >= _LOG_SECONDS
            self._tell(report, size, rate, is_logged=is_logged)
            logged_at = now if is_logged else logged_at
            if progress.step_in_epoch == len(epoch):
                break  # the end of the epoch follows
            if is_stopped() or now - saved_at >= 60 * settings.checkpoint_minutes:
                save_state(self.run.last_checkpoint, self.trainer.variables, progress)
                saved_at = now
            if is_stopped():
                raise Interrupted(interruption(self.run, progress))
            if size.max_minutes and size.share_done(progress) >= 1.0:
                break
        progress.history.append({"epoch": progress.epoch + 1, "step": progress.step, "loss": self._loss})
        progress.epoch, progress.step_in_epoch = progress.epoch + 1, 0
        is_over = size.share_done(progress) >= 1.0 or progress.epoch == settings.epochs
        progress.is_finished = is_over or not len(epoch)  # without a step no clock goes on

    def _checked(self, loss: float) -> float:
        if not math.isfinite(loss):
            raise SlmError(
                f"the loss is {loss} at step {self.progress.step}. Pass a lower --learning-rate (now {self.settings.learning_rate}), and begin anew "
                "with --overwrite. The last good checkpoint is kept."
            )
        return loss

    def _tell(self, report: Callable[[Mapping[str, Any]], None], size: Size, rate: float, *, is_logged: bool) -> None:
        progress = self.progress
        per_second = progress.step * size.tokens / max(1e-6, progress.seconds)
        done = max(1e-6, size.share_done(progress))
        event = {
            **{"event": "step", "epoch": progress.epoch + 1, "epochs": size.epochs, "step": progress.step},
            **{"steps": size.steps or round(progress.step / done), "loss": self._loss, "learning_rate": rate},
            **{"examples_per_second": round(per_second / 1000, 1), "tokens_per_second": round(per_second)},
            **{"memory_megabytes": round(peak_memory_megabytes()), "seconds_left": round(progress.seconds * (1.0 - done) / done)},
        }
        report(event)
        if is_logged:
            self.run.log(event)

    def best_model(self) -> Any:
        """Return a model from token_ids (batch, length) int32 to their centred vectors (batch, length, width) float32."""
        import keras

        from slmcli.token_vectors import TokenEmbedding

        vectors = centred(self.trainer.vectors(), self.counts)
        token_ids = keras.Input((None,), dtype="int32", name="token_ids")
        embedding = TokenEmbedding(*vectors.shape, name="embedding")
        model = keras.Model(token_ids, embedding(token_ids), name="word_vectors")
        embedding.embeddings.assign(vectors)
        return model

    def judge(self) -> tuple[dict[str, float], dict[str, Interval]]:
        """Return no scores: vectors of words are judged by what they are used for."""
        return {}, {}

    def summary(self) -> dict[str, Any]:
        """Return how the training went."""
        progress = self.progress
        tokens = self.tokens * (progress.epoch or 1)
        return {
            "epochs": progress.epoch,
            "steps": progress.step,
            "seconds": round(progress.seconds, 2),
            "examples_per_second": round(progress.step / max(1e-6, progress.seconds), 1),
            "tokens_per_second": round(tokens / max(1e-6, progress.seconds), 1),
            "loss": round(self._loss, 4),
        }

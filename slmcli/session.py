"""Train one member of a model: compile, fit step by step, keep the best epoch."""

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any  # Any: Keras models, JSON documents

import numpy as np

from slmcli.adaptation import parse_adaptation
from slmcli.backbones.base import Backbone
from slmcli.batching import bucket_limits, count_steps, evaluation_batches, label_weights_of, length_histogram, share_evenly, training_batches
from slmcli.character_ngrams import CharacterNgrams
from slmcli.cooccurrence import cooccurrence_vectors
from slmcli.dataset import Dataset
from slmcli.deltas import Delta, delta_of
from slmcli.devices import build_strategy
from slmcli.errors import BundleError, Interrupted
from slmcli.execution import Execution
from slmcli.initial_vectors import load_initial_vectors
from slmcli.language_models import embedding_of
from slmcli.naive_bayes import log_count_ratios
from slmcli.run import Progress, Run, interruption, load_progress
from slmcli.runtime import quiet_stderr
from slmcli.signals import StopRequest, stop_on_signal
from slmcli.tasks.base import TrainableTask
from slmcli.training_config import FinetuneSettings, HeadSettings
from slmcli.transfer import Transfer, begin_with

# our choice, on validation data: 0.25 of 0.1, 0.25 and 0.5 (docs/decisions.md)
_RATIO_SCALE = 0.25
_COOCCURRENCE_SCALE = 0.2  # 0.2 of 0.1, 0.2 and 0.3
EVALUATION_BATCH = 256  # our choice: more gains nothing on a processor


class Session:
    """The training of one member of a model, step by step, in one process.

    Args:
        dataset: The encoded dataset.
        task: What it is trained to do, with what it has learned of the targets.
        settings: Settled settings; the seed is the member's own.
        backbone: The architecture.
        run: Where its checkpoints are.
        execution: How it is carried out.
        base: Bundle whose weights it begins with.
    """

    def __init__(
        self,
        dataset: Dataset,
        task: TrainableTask,
        settings: FinetuneSettings,
        backbone: Backbone,
        run: Run,
        execution: Execution,
        *,
        base: Path | None = None,
    ) -> None:
        import keras

        # whatever was built before, or was skipped because it was trained already
        keras.utils.set_random_seed(settings.seed)
        self.dataset = dataset
        self.settings = settings
        self.backbone = backbone
        self.run = run
        self.execution = execution
        self.base = base
        self.adaptation = parse_adaptation(settings.train)
        self.transfer: Transfer | None = None
        self.delta: Delta | None = None
        self._left_parameters = 0
        self.strategy = build_strategy(execution.devices)
        self.task = task
        self.vocabulary_size: int = dataset.description["vocabulary_size"]
        run.make_directories()
        self.progress: Progress = load_progress(run.last_checkpoint)
        self.length = dataset.encoding.max_length if settings.head == "flatten" else None
        self.lengths = {split: length_histogram(dataset, self.task, split) for split in ("train", "validation")}
        self.limits = [self.length] if self.length else bucket_limits(self.lengths["train"])
        self.batch_size = settings.batch_size or 64
        self.epochs = settings.epochs or 1
        self.steps_per_epoch = count_steps(self.lengths["train"], self.limits, batch_size=self.batch_size)
        self.has_validation = dataset.examples("validation") > 0
        with self.strategy.scope() if self.strategy else contextlib.nullcontext():
            self.model = self._compile()

    def _compile(self) -> Any:
        from slmcli.compilation import compile_gradients
        from slmcli.optimizers import build_optimizer

        model = self._build(self.execution.precision)
        if self.base is not None:
            model = self._begin_with_base(model)
        if self.backbone.subword_buckets:  # a base has no n-grams of its own
            ngrams = CharacterNgrams.of(self.dataset.load_tokenizer(), buckets=self.backbone.subword_buckets)
            embedding_of(model).add_subwords(ngrams.rows, ngrams.stops)
        optimizer = build_optimizer(self.settings, steps=self.steps_per_epoch * self.epochs)
        if factors := self._learning_rate_factors(model):
            optimizer.set_factors(factors)
        arguments = self.task.compile_arguments(label_smoothing=self.settings.label_smoothing, loss=self.settings.loss)
        model.compile(optimizer=optimizer, jit_compile=False, **arguments)
        model.optimizer.build(model.trainable_variables)  # with float16 Keras has put one around ours
        if self.execution.is_compiled:
            compile_gradients(model)
        if not self.progress.step:
            self._begin_vectors(embedding_of(model).embeddings)
        return model

    def _begin_with_base(self, model: Any) -> Any:
        """Return the model with the weights of the base, in which what is asked for is trained."""
        from slmcli.adapting import adapt

        self.transfer = begin_with(model, self.base) if self.base else None
        return model if self.adaptation.name == "all" else adapt(model, self.adaptation)

    def _learning_rate_factors(self, model: Any) -> list[float] | None:
        """Return what the learning rate of each trained weight is multiplied by; None where it is the same for all."""
        from slmcli.layerwise import learning_rate_factors

        if self.settings.layer_decay == 1.0 and not self.settings.gradual_unfreezing:
            return None
        return learning_rate_factors(model, self.settings.layer_decay)

    def _build(self, precision: str) -> Any:
        model = build_model(self.task, self.backbone, self.settings, self.vocabulary_size, length=self.length, precision=precision)
        embedding_of(model).trainable = not self.settings.freeze_embedding
        return model

    def _begin_vectors(self, embeddings: Any) -> None:
        """Give the vectors of tokens what a file has of them, or what can be counted about them, if that was asked for."""
        if self.settings.vectors is not None:
            known = load_initial_vectors(self.dataset, Path(self.settings.vectors), self.task.token_features)
            embeddings.assign(known.fill(seed=self.settings.seed))
        elif self.settings.initial_embedding == "cooccurrence":
            self._put_cooccurrences(embeddings)
        elif self.settings.initial_embedding == "naive_bayes":
            self._add_ratios(embeddings)

    def _put_cooccurrences(self, embeddings: Any) -> None:
        """Begin with vectors that are alike where tokens stand beside the same others; tokens of which nothing is known keep what they have."""
        vectors = self._cooccurrences(vocabulary_size=embeddings.shape[0], width=embeddings.shape[1])
        known = np.flatnonzero(vectors.any(axis=1))
        values = embeddings.numpy()
        values[known] = _COOCCURRENCE_SCALE * math.sqrt(embeddings.shape[1]) * vectors[known]
        embeddings.assign(values)

    def _cooccurrences(self, *, vocabulary_size: int, width: int) -> np.ndarray:
        """Return the vectors (vocabulary_size, width) float32, counted once for all members of this width."""
        key = ("train", (*self.task.token_features, f"cooccurrence {width}"))
        if key not in self.dataset.kept:
            self.dataset.kept[key] = cooccurrence_vectors(self._texts(), vocabulary_size=vocabulary_size, width=width)
        return np.asarray(self.dataset.kept[key])

    def _texts(self) -> Iterator[np.ndarray]:
        """Yield the token ids of each training text, and then of each text without labels."""
        yield from (example.features[name] for example in self.dataset.read("train") for name in self.task.token_features)
        if texts := self.dataset.unlabelled:
            yield from (example.features["token_ids"] for example in texts.read("train"))

    def _add_ratios(self, embeddings: Any) -> None:
        """Add the log-count ratios of the tokens to the first values of their vectors, where they take up half of them at most."""
        ratios = log_count_ratios(self.dataset, vocabulary_size=embeddings.shape[0])
        columns = ratios.shape[1]
        if columns <= embeddings.shape[1] // 2:
            values = embeddings.numpy()
            values[:, :columns] += _RATIO_SCALE * ratios
            embeddings.assign(values)

    def fit(self, report: Callable[[Mapping[str, Any]], None]) -> None:
        """Train from where the run stands to the end.

        Raises:
            Interrupted: A signal came.
        """
        from slmcli.callbacks import build_metrics

        progress = self.progress
        if progress.is_finished or progress.epoch >= self.epochs:
            return
        self.run.forget_log_after(progress.step)
        build_metrics(self.model, *next(iter(self._training_batches(range(1), skip_steps=0))))
        with stop_on_signal() as stop:
            callbacks = self._callbacks(report, stop)
            if progress.step_in_epoch:  # an epoch broken off: finish it first
                self._fit(callbacks, steps=self.steps_per_epoch - progress.step_in_epoch, until=progress.epoch + 1)
            if not (progress.is_finished or stop.is_set) and progress.epoch < self.epochs:
                self._fit(callbacks, steps=self.steps_per_epoch, until=self.epochs)
        if stop.is_set and not progress.is_finished and progress.epoch < self.epochs:
            raise Interrupted(interruption(self.run, progress))

    def _training_batches(self, epochs: range, *, skip_steps: int) -> Any:
        return training_batches(
            self.dataset,
            self.task,
            batch_size=self.batch_size,
            seed=self.settings.seed,
            limits=self.limits,
            label_weights=label_weights_of(self.dataset, class_weights=self.settings.class_weights),
            epochs=epochs,
            skip_steps=skip_steps,
        )

    def _fit(self, callbacks: list[Any], *, steps: int, until: int) -> None:
        batches = self._training_batches(range(self.progress.epoch, until), skip_steps=self.progress.step_in_epoch)
        devices = len(self.execution.devices)
        self.model.fit(
            share_evenly(batches, devices),
            epochs=until,
            initial_epoch=self.progress.epoch,
            steps_per_epoch=steps,
            validation_data=share_evenly(self._validation_batches(), devices) if self.has_validation else None,
            validation_steps=self._validation_steps() if self.has_validation else None,
            callbacks=callbacks,
            shuffle=False,
            verbose=0,
        )

    def _callbacks(self, report: Callable[[Mapping[str, Any]], None], stop: StopRequest) -> list[Any]:
        import keras

        from slmcli.callbacks import Checkpoint, Report, Size

        passes = self.steps_per_epoch
        examples, tokens = self.dataset.examples("train") / passes, self._training_tokens() / passes
        size = Size(passes * self.epochs, self.epochs, examples, tokens, self.settings.max_minutes)
        callbacks = [
            Checkpoint(
                self.run,
                self.progress,
                self.settings,
                stop,
                is_epoch_over=lambda: self.progress.step_in_epoch == passes,
                has_validation=self.has_validation,
            ),
            Report(report, self.run, self.progress, size),
        ]
        if self.settings.gradual_unfreezing:
            from slmcli.layerwise import GradualUnfreezing, layer_distances

            callbacks.append(GradualUnfreezing(self._learning_rate_factors(self.model) or [], layer_distances(self.model)))
        if self.settings.tensorboard:
            callbacks.append(keras.callbacks.TensorBoard(self.run.path / "tensorboard" / self.run.member, write_graph=False, profile_batch=0))
        return callbacks

    def _training_tokens(self) -> int:
        return sum(length * count for length, count in self.lengths["train"].items())

    def _validation_limits(self) -> list[int]:
        return [self.length] if self.length else bucket_limits(self.lengths["validation"])

    def _validation_steps(self) -> int:
        return count_steps(self.lengths["validation"], self._validation_limits(), batch_size=EVALUATION_BATCH)

    def _validation_batches(self) -> Any:
        return evaluation_batches(self.dataset, self.task, "validation", batch_size=EVALUATION_BATCH, limits=self._validation_limits())

    def best_model(self) -> Any:
        """Return the model of the best epoch, in float32; what few weights have learned is made a part of it, and kept as `delta`.

        Raises:
            BundleError: Its checkpoint cannot be read.
        """
        from slmcli.adapting import adapt, merge

        model = self._build("float32")
        if self.adaptation.name != "all":
            model = adapt(model, self.adaptation)
        try:
            model.load_weights(self.run.best_checkpoint)
        except (OSError, ValueError, KeyError) as error:
            raise BundleError(f"{self.run.best_checkpoint} is not readable ({error}). Begin anew with --overwrite.") from error
        if self.adaptation.name == "all":
            return model
        self.delta = delta_of(model, self.adaptation)
        merged = merge(model)
        self._left_parameters = sum(math.prod(weight.shape) for weight in merged.trainable_weights) - self.delta.parameters
        return merged

    def summary(self) -> dict[str, Any]:
        """Return how the training went."""
        progress = self.progress
        passes = progress.step / self.steps_per_epoch
        return {
            "epochs": progress.epoch,
            "best_epoch": progress.best_epoch + 1,
            "steps": progress.step,
            "seconds": round(progress.seconds, 2),
            "examples_seen": round(passes * self.dataset.examples("train")),
            "tokens_seen": round(passes * self._training_tokens()),
            **({"init_from": self.transfer.describe()} if self.transfer else {}),
            **(self._trained(self.delta) if self.delta else {}),
        }

    def _trained(self, delta: Delta) -> dict[str, Any]:
        return {"trained": self.settings.train, "trained_parameters": delta.parameters, "left_parameters": self._left_parameters}


def build_model(task: TrainableTask, backbone: Backbone, head: HeadSettings, vocabulary_size: int, *, length: int | None, precision: str) -> Any:
    """Return an uncompiled `keras.Model` from token_ids to outputs, computing in the dtype policy `precision`."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        with quiet_stderr():
            sizes: dict[str, Any] = {"vocabulary_size": vocabulary_size, "length": length}
            pooled = backbone.build_pooled(**sizes, pooling=head.pooling) if head.head == "pool" else None
            built = pooled or backbone.build_reader(**sizes)
            return task.build_model(built, head, length=length, is_non_negative=backbone.is_non_negative)
    finally:
        keras.config.set_dtype_policy(before)

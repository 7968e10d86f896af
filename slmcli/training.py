"""Train a model on a dataset: settle the settings, compile, fit, keep the best epoch, write the bundle."""

import contextlib
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any  # Any: Keras models, JSON documents

import numpy as np

from slmcli.backbones.base import Backbone
from slmcli.batching import balanced_label_weights, bucket_limits, count_steps, evaluation_batches, share_evenly, training_batches
from slmcli.bundle import write_bundle
from slmcli.config import FinetuneSettings, HeadSettings
from slmcli.dataset import Dataset
from slmcli.devices import build_strategy
from slmcli.errors import BundleError, Interrupted
from slmcli.execution import Execution, expected_seconds, start_execution
from slmcli.files import read_json, write_json
from slmcli.metrics import classification_scores, confusion_matrix
from slmcli.naive_bayes import log_count_ratios
from slmcli.plan import check_compatible, fingerprint, settle, split_settings
from slmcli.recipe_files import to_yaml
from slmcli.run import FORMAT_VERSION, Progress, Run, interruption, is_up_to_date, load_progress, start_run
from slmcli.runtime import describe_environment, quiet_stderr
from slmcli.signals import StopRequest, stop_on_signal
from slmcli.tasks import TASKS
from slmcli.tasks.base import TrainableTask
from slmcli.tokenizers.base import Tokenizer

# our choice, on validation data: 0.25 of 0.1, 0.25 and 0.5 (docs/decisions.md)
_RATIO_SCALE = 0.25
_EVALUATION_BATCH = 256  # our choice: more gains nothing on a processor


def finetune(
    dataset: Dataset,
    values: Mapping[str, Any],
    out: Path,
    *,
    source: str,
    resume: bool,
    overwrite: bool,
    report: Callable[[Mapping[str, Any]], None],
) -> dict[str, Any]:
    """Train unless a finished run with the same settings and data stands at `out`.

    Args:
        dataset: The encoded dataset.
        values: Flat settings of training and backbone.
        out: The run directory.
        source: Where the settings come from, for messages.
        resume: Go on with an unfinished run.
        overwrite: Replace what stands there.
        report: Told of every step and epoch.

    Returns:
        The summary that `--json` prints.

    Raises:
        Interrupted: A signal came; the last checkpoint holds the state after the step that was in work.
    """
    settings, backbone = split_settings(values, source=source)
    check_compatible(dataset, settings)
    settings, backbone = settle(settings, backbone, dataset)
    if is_up_to_date(out, fingerprint(dataset, settings, backbone)) and not overwrite:
        summary = read_json(out / "metrics.json", format_version=FORMAT_VERSION)
        return {**{name: value for name, value in summary.items() if name not in ("history", "format_version")}, **_places(out), "up_to_date": True}
    return _train(dataset, settings, backbone, out, resume=resume, overwrite=overwrite, report=report)


def _train(
    dataset: Dataset,
    settings: FinetuneSettings,
    backbone: Backbone,
    out: Path,
    *,
    resume: bool,
    overwrite: bool,
    report: Callable[[Mapping[str, Any]], None],
) -> dict[str, Any]:
    begun = _begun_with(out) if resume else None
    configuration = {"finetune": {**settings.model_dump(), **backbone.model_dump()}}
    run = start_run(
        out,
        fingerprint(dataset, settings, backbone),
        files={"config.yaml": to_yaml(configuration)},
        facts={"command": "finetune", "task": settings.task, "dataset": str(dataset.path.resolve()), "dataset_fingerprint": dataset.fingerprint},
        resume=resume,
        overwrite=overwrite,
    )
    with run.locked():
        execution = start_execution(settings, seconds=estimated_seconds(dataset, settings), begun=begun)
        write_json(run.path / "environment.json", {"format_version": FORMAT_VERSION, **describe_environment(), **execution.describe()})
        session = Session(dataset, settings, backbone, run, execution)
        session.fit(report)
        return session.finish()


def estimated_seconds(dataset: Dataset, settings: FinetuneSettings) -> float:
    """Return about how long a training takes."""
    tokens = sum(length * count for length, count in dataset.length_histogram("train").items())
    return expected_seconds(settings.backbone, tokens=tokens * (settings.epochs or 1))


def _places(out: Path) -> dict[str, str]:
    return {"run": str(out), "bundle": str(Run(out).bundle)}


def _begun_with(out: Path) -> dict[str, Any] | None:
    """Return the environment of an unfinished run, whose arithmetic going on must not change."""
    path = out / "environment.json"
    return read_json(path) if path.exists() else None


class Session:
    """One training in one process."""

    def __init__(self, dataset: Dataset, settings: FinetuneSettings, backbone: Backbone, run: Run, execution: Execution) -> None:
        self.dataset = dataset
        self.settings = settings
        self.backbone = backbone
        self.run = run
        self.execution = execution
        self.strategy = build_strategy(execution.devices)
        self.task: TrainableTask = TASKS.load(settings.task)(dataset.labels)
        self.tokenizer: Tokenizer = dataset.load_tokenizer()
        self.progress: Progress = load_progress(run.last_checkpoint)
        self.length = dataset.encoding.max_length if settings.head == "flatten" else None
        self.limits = [self.length] if self.length else bucket_limits(dataset.length_histogram("train"))
        self.batch_size = settings.batch_size or 64
        self.epochs = settings.epochs or 1
        self.steps_per_epoch = count_steps(dataset.length_histogram("train"), self.limits, batch_size=self.batch_size)
        self.has_validation = dataset.examples("validation") > 0
        with self.strategy.scope() if self.strategy else contextlib.nullcontext():
            self.model = self._compile()

    def _compile(self) -> Any:
        from slmcli.compilation import compile_gradients
        from slmcli.optimizers import build_optimizer

        size, precision = len(self.tokenizer.vocabulary), self.execution.precision
        model = build_model(self.task, self.backbone, self.settings, size, length=self.length, precision=precision)
        optimizer = build_optimizer(self.settings, steps=self.steps_per_epoch * self.epochs)
        model.compile(optimizer=optimizer, jit_compile=False, **self.task.compile_arguments(label_smoothing=self.settings.label_smoothing))
        model.optimizer.build(model.trainable_variables)  # with float16 Keras has put one around ours
        if self.execution.is_compiled:
            compile_gradients(model)
        if self.settings.initial_embedding == "naive_bayes" and not self.progress.step:
            self._add_ratios(model.get_layer(self.settings.backbone).get_layer("embedding").embeddings)
        return model

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
        progress = self.progress
        if progress.is_finished or progress.epoch >= self.epochs:
            return
        self.run.forget_log_after(progress.step)
        self._build_metrics()
        with stop_on_signal() as stop:
            callbacks = self._callbacks(report, stop)
            if progress.step_in_epoch:  # an epoch broken off: finish it first
                self._fit(callbacks, steps=self.steps_per_epoch - progress.step_in_epoch, until=progress.epoch + 1)
            if not (progress.is_finished or stop.is_set) and progress.epoch < self.epochs:
                self._fit(callbacks, steps=self.steps_per_epoch, until=self.epochs)
        if stop.is_set and not progress.is_finished and progress.epoch < self.epochs:
            raise Interrupted(interruption(self.run, progress))

    def _build_metrics(self) -> None:
        """Make Keras create the variables of its metrics, which it does on their first use, so that a saved state fits."""
        inputs, targets, weights = next(iter(self._training_batches(range(1), skip_steps=0)))
        self.model.test_on_batch(inputs, targets, weights)

    def _training_batches(self, epochs: range, *, skip_steps: int) -> Any:
        return training_batches(
            self.dataset,
            self.task,
            batch_size=self.batch_size,
            seed=self.settings.seed,
            limits=self.limits,
            label_weights=self._label_weights(),
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

        from slmcli.callbacks import Checkpoint, Report

        examples, tokens = self.dataset.examples("train"), self._training_tokens()
        callbacks = [
            Checkpoint(self.run, self.progress, self.settings, stop, steps_per_epoch=self.steps_per_epoch, has_validation=self.has_validation),
            Report(report, self.run, self.progress, settings=self.settings, steps_per_epoch=self.steps_per_epoch, examples=examples, tokens=tokens),
        ]
        if self.settings.tensorboard:
            callbacks.append(keras.callbacks.TensorBoard(self.run.path / "tensorboard", write_graph=False, profile_batch=0))
        return callbacks

    def _training_tokens(self) -> int:
        return sum(length * count for length, count in self.dataset.length_histogram("train").items())

    def _label_weights(self) -> list[float]:
        counts = self.dataset.label_counts("train")
        return balanced_label_weights(counts) if self.settings.class_weights else [1.0] * len(counts)

    def _validation_limits(self) -> list[int]:
        return [self.length] if self.length else bucket_limits(self.dataset.length_histogram("validation"))

    def _validation_steps(self) -> int:
        return count_steps(self.dataset.length_histogram("validation"), self._validation_limits(), batch_size=_EVALUATION_BATCH)

    def _validation_batches(self) -> Any:
        return evaluation_batches(self.dataset, self.task, "validation", batch_size=_EVALUATION_BATCH, limits=self._validation_limits())

    def finish(self) -> dict[str, Any]:
        """Write the bundle of the best epoch, metrics.json and the end of run.json; return the summary."""
        progress = self.progress
        model = build_model(self.task, self.backbone, self.settings, len(self.tokenizer.vocabulary), length=self.length, precision="float32")
        try:
            model.load_weights(self.run.best_checkpoint)
        except (OSError, ValueError, KeyError) as error:
            raise BundleError(f"{self.run.best_checkpoint} is not readable ({error}). Begin anew with --overwrite.") from error
        scores = self._validation_scores(model)
        summary = {
            **_places(self.run.path),
            "epochs": progress.epoch,
            "best_epoch": progress.best_epoch + 1,
            "steps": progress.step,
            "seconds": round(progress.seconds, 2),
            "examples_per_second": self._per_second(self.dataset.examples("train")),
            "tokens_per_second": self._per_second(self._training_tokens()),
            "parameters": model.count_params(),
            "trainable_parameters": sum(math.prod(weight.shape) for weight in model.trainable_weights),
            "scores": scores,
        }
        self._write_bundle(model, scores)
        write_json(self.run.path / "metrics.json", {"format_version": FORMAT_VERSION, **summary, "history": progress.history})
        self.run.write({**self.run.read(), "status": "complete"})
        return summary

    def _write_bundle(self, model: Any, scores: Mapping[str, float]) -> None:
        write_bundle(
            self.run.bundle,
            model,
            format_name="keras",
            quantize="none",
            task=self.task,
            tokenizer=self.tokenizer,
            settings={
                "encoding": self.dataset.encoding.model_dump(),
                "length": self.length,
                "finetune": {**self.settings.model_dump(), **self.backbone.model_dump()},
            },
            facts={
                "backbone": self.settings.backbone,
                "parameters": model.count_params(),
                "scores": scores,
                "dataset_fingerprint": self.dataset.fingerprint,
                "licence": self.settings.licence,
            },
            overwrite=True,
        )

    def _per_second(self, amount: int) -> float:
        return round(self.progress.step / self.steps_per_epoch * amount / max(1e-6, self.progress.seconds), 1)

    def _validation_scores(self, model: Any) -> dict[str, float]:
        if not self.has_validation:
            return {}
        matrix = np.zeros((len(self.task.labels),) * 2, np.int64)
        for inputs, targets, _ in self._validation_batches():
            predictions = model(inputs, training=False).numpy().argmax(axis=1)
            matrix += confusion_matrix(targets.numpy().argmax(axis=1), predictions, classes=len(matrix))
        return {name: round(value, 6) for name, value in classification_scores(matrix).items()}


def build_model(task: TrainableTask, backbone: Backbone, head: HeadSettings, vocabulary_size: int, *, length: int | None, precision: str) -> Any:
    """Return an uncompiled `keras.Model` from token_ids to outputs, computing in the dtype policy `precision`."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        with quiet_stderr():
            return task.build_model(backbone.build(vocabulary_size=vocabulary_size, length=length), head, length=length)
    finally:
        keras.config.set_dtype_policy(before)

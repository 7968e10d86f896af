"""Train a language model: windows of text step by step, judged at equal distances, the best one kept."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any  # Any: Keras models, JSON documents

import numpy as np

from slmcli.backbones.base import Backbone
from slmcli.dataset import Dataset
from slmcli.errors import BundleError, Interrupted
from slmcli.execution import Execution
from slmcli.intervals import Interval
from slmcli.judged_windows import CostMeter, WindowForm, carriers_of, prepare, windows_to_judge
from slmcli.language_model_config import SamplingSettings
from slmcli.language_models import LanguageModels, build_language_models
from slmcli.objectives import OBJECTIVES
from slmcli.objectives.base import Objective
from slmcli.pair_windows import PairWindows
from slmcli.perplexity import score_costs
from slmcli.pretrain_plan import PretrainPlan
from slmcli.run import Progress, Run, interruption, load_progress
from slmcli.signals import StopRequest, stop_on_signal
from slmcli.text_generation import Piece, encode_prompt, write
from slmcli.token_windows import TrainingWindows, Window, read_documents
from slmcli.transfer import begin_with

_READY = 4  # our choice: windows made ahead
# our choice: a state lives for 32 windows on average (docs/decisions.md)
_FORGOTTEN = 1 / 32
_JUDGED_TOKENS = 2**15  # our choice: as many of the validation tokens decide which weights are best; in the end all are judged by (docs/decisions.md)
_SAMPLE_TOKENS = 60  # our choice: two or three lines


class PretrainingSession:
    """The pretraining of one model in one process.

    Args:
        dataset: The encoded dataset.
        plan: What to do.
        run: Where the checkpoints are.
        execution: How it is carried out.
    """

    def __init__(self, dataset: Dataset, plan: PretrainPlan, run: Run, execution: Execution) -> None:
        import keras

        keras.utils.set_random_seed(plan.settings.seed)
        self.plan, self.run, self.execution = plan, run, execution
        self.settings = plan.settings
        self.tokenizer = dataset.load_tokenizer()
        self.objective: Objective = OBJECTIVES.load(plan.settings.objective)(plan.settings, self.tokenizer)
        self.vocabulary_size: int = dataset.description["vocabulary_size"]
        self.progress: Progress = load_progress(run.last_checkpoint)
        self.documents = {split: read_documents(dataset, split) for split in ("train", "validation")}
        self.windows = self._training_windows()
        self.windows.check(str(dataset.path))
        self.judged = windows_to_judge(self.documents["validation"], self.objective, self.form)
        if not isinstance(plan.backbone, Backbone):
            raise AssertionError("vectors of words have a session of their own")
        self.backbone = plan.backbone
        self.models = self._build(execution.precision)
        self.transfer = begin_with(self.models.training, plan.base.path) if plan.base else None
        self._meter: CostMeter | None = None
        # a model that writes samples, and its decoder
        self._writing: Any = None

    @property
    def carriers(self) -> list[Any]:
        """The layers that carry states."""
        return carriers_of(self.models.training) if self.form.is_carried else []

    @property
    def form(self) -> WindowForm:
        """How text is cut into windows."""
        return WindowForm(self.plan.rows, self.settings.context, self.plan.backbone.gap, self.plan.is_carried)

    def _rows_of_parts(self) -> list[int]:
        from slmcli.divided_steps import part_sizes

        return part_sizes(self.plan.rows, self.execution.parts)

    def _training_windows(self) -> TrainingWindows | PairWindows:
        settings, documents = self.settings, self.documents["train"]
        if self.objective.has_pairs:
            return PairWindows(documents, self.plan.rows, settings.context, settings.seed)
        return TrainingWindows(documents, seed=settings.seed, **asdict(self.form))

    def _build(self, precision: str, *, is_packed: bool = True) -> LanguageModels:
        sizes: dict[str, Any] = {"vocabulary_size": self.vocabulary_size, "precision": precision, "is_packed": is_packed}
        sizes["has_pairs"] = self.objective.has_pairs
        return build_language_models(self.backbone, self.settings, **sizes)

    def compile(self) -> None:
        """Make the model ready to be trained, from where the run stands."""
        from slmcli.compilation import compile_gradients
        from slmcli.divided_steps import divide_steps
        from slmcli.optimizers import SparseAdam
        from slmcli.prediction_layers import MeanCost

        model, settings = self.models.training, self.settings
        for layer in self.carriers:
            layer.carry(self._rows_of_parts(), forgotten=_FORGOTTEN, seed=settings.seed)
        optimizer = SparseAdam(
            settings.learning_rate or 0.0, clip_norm=settings.clip_norm, beta_2=settings.beta_2, weight_decay=settings.weight_decay
        )
        if settings.weight_decay:
            optimizer.exclude_from_weight_decay(var_list=[weight for weight in model.trainable_variables if len(weight.shape) < 2])
        model.compile(optimizer=optimizer, loss=MeanCost(), jit_compile=False)
        model.optimizer.build(model.trainable_variables)
        if self.execution.is_compiled:
            compile_gradients(model)
        elif self.execution.parts > 1:
            divide_steps(model, self.execution.parts)

    def fit(self, report: Callable[[Mapping[str, Any]], None]) -> None:
        """Train from where the run stands to the end.

        Raises:
            Interrupted: A signal came.
        """
        from slmcli.callbacks import build_metrics

        progress = self.progress
        if progress.is_finished:
            return
        self.compile()
        self.run.forget_log_after(progress.step)
        build_metrics(self.models.training, *_as_batch(next(self._batches(0))))
        with stop_on_signal() as stop:
            callbacks = self._callbacks(report, stop)
            while not (progress.is_finished or stop.is_set):
                self._fit_until_judged(callbacks)
        if stop.is_set and not progress.is_finished:
            raise Interrupted(interruption(self.run, progress))

    def _fit_until_judged(self, callbacks: Sequence[Any]) -> None:
        """Train until the next judgement is due, or a limit is reached."""
        import tensorflow as tf

        shape = (self.plan.rows, self.settings.context)
        prepared = self._batches(self.progress.step)

        def draw(_: Any) -> Any:
            ids, targets, weights = tf.numpy_function(lambda: next(prepared), [], (tf.int32, tf.int32, tf.float32))
            return _as_batch((tf.ensure_shape(ids, shape), tf.ensure_shape(targets, shape), tf.ensure_shape(weights, shape)))

        # not `from_generator`, with which TensorFlow asks the system for every large array anew (docs/decisions.md)
        batches = tf.data.Dataset.counter().map(draw)
        options = tf.data.Options()
        options.autotune.enabled = False  # its thread outlives a training that a clock ends, and was seen to keep a finished process waiting
        batches = batches.with_options(options)
        epoch = self.progress.epoch
        self.models.training.fit(
            batches.prefetch(_READY),
            epochs=epoch + 1,
            initial_epoch=epoch,
            callbacks=list(callbacks),
            shuffle=False,
            verbose=0,
        )

    def _batches(self, first_step: int) -> Iterator[Window]:
        for step, window in enumerate(self.windows.batches(first_step), first_step):
            yield prepare(window, self.objective, [self.settings.seed, 1, step])

    def _callbacks(self, report: Callable[[Mapping[str, Any]], None], stop: StopRequest) -> list[Any]:
        import keras

        from slmcli.callbacks import Checkpoint, Report, Size
        from slmcli.pretraining_callbacks import Judge, Pace, Samples

        settings, windows = self.settings, self.windows
        steps = windows.steps_per_epoch * settings.epochs if settings.epochs else None
        size = Size(steps, settings.validations, float(windows.rows), float(windows.rows * windows.context), settings.max_minutes)
        pace = Pace(self.progress, settings, size)
        callbacks = [
            *([Judge(self._judge)] if self.judged else []),
            Checkpoint(self.run, self.progress, settings, stop, is_epoch_over=pace.is_epoch_over, has_validation=bool(self.judged)),
            pace,
            Report(report, self.run, self.progress, size),
        ]
        if settings.prompt and self.objective.is_causal:
            callbacks.append(Samples(self._samples, report, self.run, self.progress))
        if settings.tensorboard:
            callbacks.append(keras.callbacks.TensorBoard(self.run.path / "tensorboard", write_graph=False, profile_batch=0))
        return callbacks

    def _judge(self) -> dict[str, float]:
        """Return `val_loss`, nats a token of the validation texts."""
        tokens = np.cumsum([weights.sum() for _, _, weights in self.judged])
        costs, weights = self.costs(most=int(np.searchsorted(tokens, _JUDGED_TOKENS)) + 1)
        return {"val_loss": float((costs * weights).sum() / weights.sum())}

    def costs(self, *, most: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return what each prediction in the validation texts costs, (windows, rows, context) float32 in nats, and its weight.

        Args:
            most: Windows at most, the first ones.
        """
        if self._meter is None or self._meter.model is not self.models.training:
            self._meter = CostMeter(self.models.training, self.carriers, parts=self.execution.parts)
        return self._meter.measure(self.judged[:most])

    def _samples(self) -> list[str]:
        """Return what the model makes of each prompt."""
        from slmcli.model_parts import copy_weights
        from slmcli.step_decoder import StepDecoder

        if self._writing is None:
            plain = self._build("float32", is_packed=False)
            self._writing = plain.training, StepDecoder(plain.scoring, memory=self.settings.context)
        copy_weights(self.models.training, self._writing[0])
        drawing = SamplingSettings(max_tokens=_SAMPLE_TOKENS, seed=self.settings.seed)
        return [prompt + "".join(piece.text for piece in self._continue(prompt, drawing)) for prompt in self.settings.prompt]

    def _continue(self, prompt: str, drawing: SamplingSettings) -> Iterator[Piece]:
        return write(self._writing[1], self.tokenizer, encode_prompt(self.tokenizer, prompt), drawing)

    def best_model(self) -> Any:
        """Take the weights of the best judgement, in float32 from now on; return the model that scores tokens of plain texts.

        Raises:
            BundleError: The checkpoint cannot be read.
        """
        from slmcli.model_parts import copy_weights

        plain, self.models = self._build("float32", is_packed=False), self._build("float32")
        try:
            plain.training.load_weights(self.run.best_checkpoint)
        except (OSError, ValueError, KeyError) as error:
            raise BundleError(f"{self.run.best_checkpoint} is not readable ({error}). Begin anew with --overwrite.") from error
        copy_weights(plain.training, self.models.training)
        for layer in self.carriers:
            layer.carry(self._rows_of_parts())
        return plain.scoring

    def judge(self) -> tuple[dict[str, float], dict[str, Interval]]:
        """Return scores of the model on the validation texts and their intervals; none where nothing is to be predicted in them."""
        documents = self.documents["validation"]
        if not self.judged:
            return {}, {}
        characters = sum(len(self.tokenizer.decode(document.tolist())) + 1 for document in documents) if self.objective.is_causal else None
        costs, weights = self.costs()
        return score_costs(costs, weights, characters=characters, seed=self.settings.seed)

    def summary(self) -> dict[str, Any]:
        """Return how the training went."""
        progress, windows = self.progress, self.windows
        tokens = progress.step * windows.rows * windows.context
        return {
            "epochs": round(progress.step / windows.steps_per_epoch, 2),
            "steps": progress.step,
            "best_validation": progress.best_epoch + 1,
            "validations": progress.epoch,
            "seconds": round(progress.seconds, 2),
            "examples_per_second": round(progress.step * windows.rows / max(1e-6, progress.seconds), 1),
            "tokens_per_second": round(tokens / max(1e-6, progress.seconds), 1),
            **({"init_from": self.transfer.describe()} if self.transfer else {}),
        }


def _as_batch(window: Window) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Return inputs, targets, which the model reads too, and weights."""
    inputs, targets, weights = window
    return {"token_ids": inputs, "targets": targets}, targets, weights

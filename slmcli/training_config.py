"""Settings of a training: head, optimizer, what a model begins with, how it is carried out."""

from typing import Literal

import pydantic
from pydantic import Field

from slmcli.config import Settings


class HeadSettings(Settings):
    """What stands between the backbone and the labels."""

    head: Literal["pool", "flatten"] = Field(
        "pool", description="pool: masked pooling over all positions; flatten: max pooling in windows, flattened, for a fixed length"
    )
    pooling: Literal["max", "mean", "sqrtn", "attention", "last", "max_mean", "max_sqrtn", "max_attention", "first_last"] | None = Field(
        None,
        description="how `--head pool` turns positions into one vector; first_last: where a recurrence of both directions ends "
        "[max_mean for a large corpus, max_sqrtn for a small one, max for short texts with several labels]",
    )
    pool_size: int = Field(5, ge=1, description="window of `--head flatten`, in positions")
    dense: int = Field(0, ge=0, description="units of a hidden layer before the labels; 0: none")
    dropout: float = Field(0.5, ge=0.0, lt=1.0, description="share of pooled features dropped in training")


class OptimizerSettings(Settings):
    """How weights are changed, by which errors, and where the line between two labels is drawn."""

    learning_rate: float | None = Field(
        None, gt=0.0, description="highest learning rate [0.002 for a large corpus; 0.001 for a small one, and where minrnn reads many long texts]"
    )
    optimizer: Literal["adam", "sparse_adam"] | None = Field(
        None, description="sparse_adam moves only the token vectors of the batch [sparse_adam for a large corpus, adam for a small one]"
    )
    schedule: Literal["cosine", "linear", "constant"] = Field("cosine", description="how the learning rate falls after the warm-up")
    warmup: float = Field(0.05, ge=0.0, lt=1.0, description="share of all steps in which the learning rate rises from 0")
    clip_norm: float = Field(1.0, ge=0.0, description="largest norm of all gradients together; 0: no clipping")
    label_smoothing: float = Field(0.0, ge=0.0, lt=1.0, description="probability spread evenly over all labels in the training targets")
    class_weights: bool = Field(False, description="weigh examples by the inverse frequency of their label")
    loss: Literal["cross_entropy", "focal"] = Field("cross_entropy", description="loss of labels; focal: what is already right counts less")
    tune_threshold: bool = Field(False, description="choose between two labels by the threshold with the highest macro F1 on validation")


class InitialSettings(Settings):
    """What a model knows before training, and how much of that training changes."""

    init_from: str | None = Field(None, description="run or bundle whose weights to begin with, made with the same tokenizer")
    train: str = Field(
        "all",
        description="of what it begins with, train all; the head alone; bias; top:N layers; lora:RANK, additions of low rank to all kernels; or "
        "adapter:WIDTH, bottlenecks behind the layers",
    )
    layer_decay: float = Field(
        1.0, ge=1.0, le=100.0, description="by what the learning rate is divided from one layer to the one below it, such as 2.6; 1: by nothing"
    )
    gradual_unfreezing: bool = Field(False, description="begin with the head, and let one more layer learn in each epoch")

    initial_embedding: Literal["cooccurrence", "naive_bayes", "uniform"] | None = Field(
        None,
        description="cooccurrence: tokens that stand beside the same others start with similar vectors; naive_bayes: some values of a token's vector "
        "start with what the token says about the labels; uniform: chance [cooccurrence beside a million words or more without labels, for a large "
        "corpus of words, and for minrnn for any large one; naive_bayes for a small one of single texts with one label each; else uniform]",
    )
    freeze_embedding: bool | None = Field(
        None,
        description="leave token vectors as they begin, so that words which no training text has are read as those which have been; only from "
        "vectors or cooccurrence [beside a million words or more without labels, for fewer than 5,000 short texts with one of several labels each]",
    )
    vectors: str | None = Field(
        None, description="token vectors begin with those of this file: GloVe text, word2vec text or binary, fastText .vec; none: another beginning"
    )

    @pydantic.model_validator(mode="after")
    def _vectors_begin_in_one_way(self) -> "InitialSettings":
        if self.vectors is not None and self.initial_embedding is not None:
            raise ValueError(f"vectors ({self.vectors}) and initial_embedding ({self.initial_embedding}) exclude each other. Leave one of them out")
        return self


class RunSettings(Settings):
    """How any training is carried out, and what it leaves."""

    backbone: str = Field("auto", description="architecture")
    precision: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto", description="arithmetic of training; auto: as measured on this machine, or what the device has matrix units for"
    )
    xla: Literal["auto", "on", "off"] = Field("auto", description="compile the training step with XLA; auto: on a GPU, or where measured to pay")
    devices: str = Field(
        "auto",
        coerce_numbers_to_str=True,
        pattern="^(auto|cpu|gpu|[1-9][0-9]*)$",
        description="cpu, gpu, or how many; auto: every GPU, or the processor",
    )
    threads: int = Field(
        0,
        ge=0,
        le=4096,
        description="processor threads; 0: as measured, or all. Another number may change a result's last bits, in pretraining more",
    )
    checkpoint_minutes: float = Field(2.0, gt=0.0, description="minutes between checkpoints inside an epoch")
    tensorboard: bool = Field(True, description="write a TensorBoard log")
    licence: str = Field("unspecified", description="licence of the model, for its card")
    seed: int = Field(0, ge=0, le=2**32 - 1, description="seed of weights, dropout and the order of examples")


class FinetuneSettings(HeadSettings, OptimizerSettings, InitialSettings, RunSettings):
    """`slm finetune`: from a dataset to a trained model. Backbone settings stand beside these, at the same level."""

    task: str = Field("sentiment", description="what the model is trained to do")
    preset: Literal["fast", "balanced", "best"] = Field(
        "balanced", description="what `--backbone auto` weighs: fast takes seconds, balanced minutes, best some tens of minutes"
    )
    backbone: str = Field("auto", description="architecture, or several joined by +, such as bag+conv; auto: chosen by preset, task and corpus")
    ensemble: int | None = Field(
        None, ge=1, le=100, description="trainings of each branch that learns step by step, each with a seed of its own, added up [1; 2 for best]"
    )
    epochs: int | None = Field(
        None, ge=1, le=100_000, description="passes over the training examples [5 for 22,000 examples or more, up to 30 for fewer]"
    )
    batch_size: int | None = Field(None, ge=1, description="examples a step [64 for a large corpus, 32 for a small one]")
    patience: int = Field(3, ge=1, description="epochs without a better validation score before training stops")
    monitor: Literal["loss", "accuracy"] = Field("loss", description="validation score that decides which epoch is best")
    max_minutes: float | None = Field(None, gt=0.0, description="stop after this many minutes of training, keeping the best epoch")
    refit: bool | None = Field(
        None,
        description="once validation has decided what it decides, solve a bag of n-grams again, on training and validation examples together "
        "[when validation was drawn from the training file, and a test split is left to judge by]",
    )
    k_fold: int | None = Field(
        None,
        ge=2,
        le=20,
        description="also train so many models, each on all training and validation examples but one part of so many, and judge it by that part: "
        "scores with intervals, and likely label errors in the whole corpus [no folds]",
    )
    self_training: int = Field(
        0,
        ge=0,
        le=5,
        description="train a teacher first, which says how probable each label of the texts without labels is, and learn from these too; in so many "
        "rounds, each taught by the one before",
    )
    learning_curve: bool = Field(False, description="also train on 10 % and 30 % of the training examples, and say whether more would help")

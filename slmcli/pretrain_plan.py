"""What a pretraining will do, settled and checked before TensorFlow loads."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar  # Any: values as they come from flags and recipes

from pydantic import Field

from slmcli.backbones import BACKBONES
from slmcli.backbones.base import Backbone, GatedBackbone
from slmcli.base_model import WORDS, Base, open_base, take_over
from slmcli.branch_settings import AUTO, build_branches, split_fields
from slmcli.config import Settings, build
from slmcli.corpus_identity import UNLABELLED
from slmcli.dataset import Dataset
from slmcli.errors import ConfigError, DatasetError
from slmcli.files import sha256_json
from slmcli.language_model_config import PretrainSettings
from slmcli.objectives import OBJECTIVES
from slmcli.objectives.base import Objective
from slmcli.objectives.word_vectors import FastSent, WordVectorObjective
from slmcli.pretrain_budget import find_budget
from slmcli.token_windows import check_tokens
from slmcli.tokenizers.base import SPECIAL_TOKENS

# does not change the trained weights
_NOT_IN_FINGERPRINT = frozenset({"checkpoint_minutes", "tensorboard", "prompt", "licence"})
# our choice, by measurement (docs/decisions.md)
_TOKENS_SEEN = 6_000_000
_UNITS = 512
# our choice: below, the table that predicts is small beside the rest, and bound to vectors of 64 it predicts less well
_TIED_FROM = 2_000
# our choice: below, comparing with all tokens costs less than the rest of a step
_SAMPLED_FROM, _SAMPLED = 16_000, 1_024
# our choice: a small corpus has too few steps otherwise; between the 66,000 tokens of the stories and 500,000 nothing was measured
_ROWS, _FEWER_ROWS, _FEW_ROWS, _FEW_TOKENS = 64, 32, 16, 200_000
_WORD_EPOCHS = 5  # Source: the default of word2vec and gensim
# our choice, by measurement (docs/decisions.md): how many words fastsent reads, in how many passes at most
_PASSAGE_TOKENS, _LEAST_PASSAGE_EPOCHS, _MOST_PASSAGE_EPOCHS = 12_000_000, 8, 20


class WordVectors(Settings):
    """What vectors of words have in the place of a backbone."""

    name: ClassVar[str] = WORDS
    carries_states: ClassVar[bool] = False
    gap: ClassVar[int] = 0

    embedding: int = Field(100, ge=1, description="width of a word's vector")
    subword_buckets: int = Field(0, ge=0, description="buckets of character n-grams whose vectors are added to those of words; 0: none")


@dataclass(frozen=True)
class PretrainPlan:
    """What a pretraining will do.

    Attributes:
        settings: Settled settings of the training.
        backbone: Settled settings of the architecture.
        base: What the training begins with.
    """

    settings: PretrainSettings
    backbone: Backbone | WordVectors
    base: Base | None = None

    @property
    def rows(self) -> int:
        """Windows that are read side by side."""
        return self.settings.batch_size or _ROWS

    @property
    def is_carried(self) -> bool:
        """Whether a row of a step goes on, with its states, where that of the step before ended."""
        return bool(self.backbone.carries_states and OBJECTIVES.load(self.settings.objective).is_causal)

    @property
    def step(self) -> tuple[int, int] | None:
        """Rows of a step and tokens of each where its rows can be computed apart from each other, else None."""
        return None if isinstance(self.backbone, WordVectors) else (self.rows, self.settings.context)

    def flat(self) -> dict[str, Any]:
        """Return all settings at one level, as a recipe has them."""
        return {**self.settings.model_dump(), **self.backbone.model_dump()}

    def shared(self) -> dict[str, Any]:
        """Return all settings, without the folders of this machine."""
        base = self.settings.init_from
        return {**self.flat(), "init_from": Path(base).name if base else None}

    def fingerprint(self, dataset: Dataset) -> str:
        """Hash everything that decides the trained weights."""
        is_by_passages = self.settings.objective == FastSent.name  # others know nothing of passages, nor did runs of before
        settings = self.settings.model_dump(exclude={*_NOT_IN_FINGERPRINT, "init_from", *(() if is_by_passages else ("passage",))})
        return sha256_json([dataset.fingerprint, settings, self.backbone.model_dump(), self.base.weights if self.base else None])[:16]


def plan_pretraining(values: Mapping[str, Any], dataset: Dataset, *, source: str) -> PretrainPlan:
    """Divide flat settings into those of training and backbone, and fill in what depends on the texts.

    Raises:
        ConfigError: A setting is unknown, out of range, or does not go with the objective.
        DatasetError: There is nothing to train on.
    """
    rest, asked = split_fields(values, PretrainSettings, source=source)
    settings = build(PretrainSettings, rest, source=source)
    if settings.devices.isdigit() and int(settings.devices) > 1:
        raise ConfigError(f"{source}: --devices {settings.devices}, and a language model is pretrained on one. Pass --devices 1, or auto.")
    objective: type[Objective] = OBJECTIVES.load(settings.objective)
    if not dataset.examples("train"):
        raise DatasetError(f"{dataset.path} has no training examples. Preprocess a corpus that has some.")
    dataset.load_tokenizer()
    if issubclass(objective, WordVectorObjective):
        return _plan_words(settings, asked, dataset, objective, source)
    base = open_base(Path(settings.init_from), dataset) if settings.init_from is not None else None
    name = settings.backbone if settings.backbone != AUTO else base.backbone if base else objective.backbones[0]
    BACKBONES.load(name)
    if base and base.backbone == WORDS:
        raise ConfigError(f"{source}: --init-from {base.path} holds vectors of words alone. Begin a fine-tuning with them, or leave it out.")
    if base and name != base.backbone:
        raise ConfigError(f"{source}: --init-from {base.path} has backbone {base.backbone}, not {name}. Leave --backbone out.")
    if name not in objective.backbones:
        raise ConfigError(f"{source}: objective {objective.name} trains {', '.join(objective.backbones)}, not backbone {name}. Choose one of them.")
    if base and base.settings.get("causal", False) != objective.is_causal:
        seen = "the tokens before one alone" if base.settings.get("causal", False) else "both sides of a token"
        raise ConfigError(
            f"{source}: --init-from {base.path} sees {seen}, unlike objective {objective.name}. Begin with another, or pass another --objective."
        )
    asked = take_over(base, asked, source=source) if base else asked
    # positions behind a window are never trained, and a text that is written is longer
    fixed = {"position_limit": settings.context, "causal": objective.is_causal}
    given = {**_chosen(dataset, is_causal=objective.is_causal), **fixed}
    kind: type[Backbone] = BACKBONES.load(name)
    chosen = {key: value for key, value in given.items() if key in kind.model_fields and asked.get(key) is None}
    backbone = build_branches([name], {**asked, **chosen}, source=source)[name]
    if not isinstance(backbone, Backbone):
        raise ConfigError(f"{source}: backbone {name} reads no running text.")
    _check(backbone, source, is_causal=objective.is_causal)
    settings = settings.model_copy(update={"learning_rate": settings.learning_rate or objective.learning_rate})
    return PretrainPlan(_settle(settings, dataset, name), backbone, base)


def _plan_words(
    settings: PretrainSettings, asked: Mapping[str, Any], dataset: Dataset, objective: type[WordVectorObjective], source: str
) -> PretrainPlan:
    """Return the plan of vectors of words."""
    if settings.backbone != AUTO or settings.init_from is not None:
        said = f"--init-from {settings.init_from}" if settings.init_from is not None else f"--backbone {settings.backbone}"
        raise ConfigError(f"{source}: objective {objective.name} learns vectors of words alone, so {said} has no meaning. Leave it out.")
    given = {key: value for key, value in asked.items() if value is not None}
    words = build(WordVectors, {"embedding": objective.embedding, **given}, source=source)
    if words.subword_buckets and not objective.has_subwords:
        raise ConfigError(f"{source}: objective {objective.name} makes no vectors of character n-grams. Leave --subword-buckets out.")
    epochs = settings.epochs or (None if settings.max_minutes else _word_epochs(dataset, objective))
    update = {"backbone": WordVectors.name, "epochs": epochs, "learning_rate": settings.learning_rate or objective.learning_rate}
    return PretrainPlan(settings.model_copy(update=update), words)


def _word_epochs(dataset: Dataset, objective: type[WordVectorObjective]) -> int:
    if not issubclass(objective, FastSent):
        return _WORD_EPOCHS
    return min(_MOST_PASSAGE_EPOCHS, max(_LEAST_PASSAGE_EPOCHS, -(-_PASSAGE_TOKENS // max(1, _tokens(dataset)))))


def _tokens(dataset: Dataset) -> int:
    """Return the tokens that are learned from, those of texts without labels among them."""
    unlabelled = dataset.description.get(UNLABELLED)
    return sum(length * count for length, count in dataset.length_histogram("train").items()) + (unlabelled["tokens"] if unlabelled else 0)


def _chosen(dataset: Dataset, *, is_causal: bool) -> dict[str, Any]:
    """Return what an architecture has unless it is asked for."""
    is_small = dataset.description["vocabulary_size"] < _TIED_FROM
    return {
        "units": _UNITS,
        "embedding": 64 if is_small else 256,
        "embedding_dropout": 0.15,
        "bidirectional": not is_causal,
        "blocks": 4,
    }


def _check(backbone: Backbone, source: str, *, is_causal: bool) -> None:
    """Refuse what a language model cannot have."""
    if backbone.causal != is_causal:
        raise ConfigError(f"{source}: --{'no-' if is_causal else ''}causal is not for this objective. Leave it out.")
    if backbone.segment or backbone.subword_buckets:
        given = "segment" if backbone.segment else "subword-buckets"
        raise ConfigError(f"{source}: --{given} has no meaning for a language model. Leave it out.")


def _settle(settings: PretrainSettings, dataset: Dataset, backbone: str) -> PretrainSettings:
    vocabulary_size: int = dataset.description["vocabulary_size"]
    tokens = _tokens(dataset)
    rows = settings.batch_size or (_ROWS if tokens >= _FEW_TOKENS else _FEW_ROWS)
    check_tokens(str(dataset.path), tokens, rows=rows, context=settings.context)
    epochs = settings.epochs or (None if settings.max_minutes else min(40, max(3, -(-_TOKENS_SEEN // max(1, tokens)))))
    sampled = settings.sampled if settings.sampled is not None else (_SAMPLED if vocabulary_size >= _SAMPLED_FROM else 0)
    if sampled >= vocabulary_size - len(SPECIAL_TOKENS):
        sampled = 0
    is_tied = settings.tie_embedding if settings.tie_embedding is not None else vocabulary_size >= _TIED_FROM
    update = {"backbone": backbone, "batch_size": rows, "epochs": epochs, "sampled": sampled, "tie_embedding": is_tied}
    return settings.model_copy(update=update)


def sizes_by_clock(plan: PretrainPlan, dataset: Dataset, left_open: AbstractSet[str]) -> dict[str, int]:
    """Return the `units` and the `batch_size` that suit a training of so many minutes on this machine, which may be measured for that.

    Args:
        plan: The training as it is on any machine.
        dataset: What it learns from.
        left_open: Which of the two may be chosen.

    Returns:
        What was chosen: nothing where no clock ends the training, or the backbone is no such recurrence.
    """
    settings, backbone = plan.settings, plan.backbone
    if not isinstance(backbone, GatedBackbone) or not plan.is_carried:
        return {}
    vocabulary = settings.sampled or dataset.description["vocabulary_size"]
    budget = find_budget(settings, vocabulary=vocabulary, embedding=backbone.embedding, layers=backbone.recurrent_layers)
    if budget is None:
        return {}
    has_width = plan.base is not None or "units" not in left_open
    units = backbone.units if has_width else budget.choose_units(backbone.units)
    is_short = plan.rows > _FEWER_ROWS and budget.has_few_steps(units, step=plan.rows * settings.context)
    sizes = {"units": units, "batch_size": _FEWER_ROWS if is_short else plan.rows}
    return {name: size for name, size in sizes.items() if name in left_open and not (name == "units" and has_width)}

"""What a training will do, settled and checked before TensorFlow loads."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any  # Any: values as they come from flags and recipes

from slmcli.adaptation import parse_adaptation
from slmcli.backbones import BACKBONES
from slmcli.backbones.base import Backbone, Branch
from slmcli.base_model import WORDS, Base, open_base, take_over
from slmcli.character_ngrams import has_words
from slmcli.config import FinetuneSettings, Settings, build
from slmcli.corpus_shape import has_long_texts, has_many_long_texts, has_many_texts, is_large, is_short_and_sparse, reads_words
from slmcli.dataset import Dataset
from slmcli.errors import ConfigError
from slmcli.files import sha256_file, sha256_json
from slmcli.presets import Choice, choose, has_ngrams
from slmcli.registry import hint
from slmcli.tasks import TASKS
from slmcli.vector_files import VectorFile, look_at_vectors

AUTO = "auto"
# does not change the trained weights
_NOT_IN_FINGERPRINT = frozenset({"checkpoint_minutes", "tensorboard", "k_fold", "learning_curve"})
# settings younger than runs that can go on, and what was so before
_NEUTRAL: dict[str, Any] = {
    **{"freeze_embedding": False, "causal": False, "layer_dropout": 0.0, "init_from": None},
    **{"train": "all", "layer_decay": 1.0, "gradual_unfreezing": False},
}
# our choice, on validation data: about this many examples are seen, in 5 to 30 passes, until validation no longer improves
_EXAMPLES_SEEN = 110_000
# our choice, on validation data of ten corpora (docs/decisions.md): inverse of the ridge penalty of a bag, with naive Bayes, without, by margins
_TWO_LABELS_LONG, _TWO_LABELS, _MORE_LABELS, _OTHER_OUTPUTS = (30.0, 10.0, 3.0), (5.0, 10.0, 3.0), (2.0, 3.0, 0.3), (10.0, 10.0, 1.0)


@dataclass(frozen=True)
class Plan:
    """What a training will do.

    Attributes:
        settings: Of the training as a whole.
        branches: Name to settings of each; none while `--backbone auto` has seen no dataset.
        asked: What was asked for of branches, by whoever calls and, where they were silent, by the preset.
        source: Where it was asked for, for messages.
        reason: Why these branches were chosen.
        base: What the training begins with.
        vectors: The file that token vectors begin with; None without one, and before it was looked at.
    """

    settings: FinetuneSettings
    branches: Mapping[str, Branch]
    asked: Mapping[str, Any]
    source: str
    reason: str = "asked for"
    base: Base | None = None
    vectors: VectorFile | None = None

    @cached_property
    def vectors_hash(self) -> list[str]:
        """SHA-256 of the file that token vectors begin with; none without one."""
        return [sha256_file(self.vectors.path)] if self.vectors else []

    def flat(self) -> dict[str, Any]:
        """Return all settings at one level, as a recipe has them."""
        return {**self.settings.model_dump(), **{name: value for branch in self.branches.values() for name, value in branch.model_dump().items()}}


def split_settings(values: Mapping[str, Any], *, source: str) -> Plan:
    """Divide flat settings into those of the training and those of its branches.

    Raises:
        ConfigError: A setting is unknown, belongs to another backbone, or is out of range.
    """
    rest, asked = split_fields(values, FinetuneSettings, source=source)
    kinds: dict[str, type[Branch]] = {name: BACKBONES.load(name) for name in BACKBONES.names()}
    settings = build(FinetuneSettings, rest, source=source)
    if settings.backbone != AUTO:
        return Plan(settings, build_branches(branch_names(settings.backbone, source=source), asked, source=source), asked, source)
    for kind in kinds.values():
        build(kind, {key: value for key, value in asked.items() if key in kind.model_fields}, source=source)
    return Plan(settings, {}, asked, source)


def split_fields(values: Mapping[str, Any], model: type[Settings], *, source: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Divide flat settings into those of a model of settings and those of backbones.

    Raises:
        ConfigError: One belongs to neither.
    """
    named = {str(key).replace("-", "_"): value for key, value in values.items()}
    of_branches = _fields_of(BACKBONES.names())
    rest = {key: value for key, value in named.items() if key not in of_branches}
    for key in rest:
        if key not in model.model_fields:
            known = [*model.model_fields, *sorted(of_branches)]
            raise ConfigError(f"{source}: {key!r} is not a setting.{hint(key, known) or ' Known: ' + ', '.join(known) + '.'}")
    return rest, {key: value for key, value in named.items() if key in of_branches}


def branch_names(backbone: str, *, source: str) -> list[str]:
    """Return the names that `--backbone` joins.

    Raises:
        ConfigError: One is unknown, or stands twice.
    """
    names = [name.strip() for name in backbone.split("+")]
    for name in names:
        BACKBONES.load(name)
        if names.count(name) > 1:
            raise ConfigError(f"{source}: backbone {backbone!r} names {name} twice. Name it once; --ensemble trains it more often.")
    return names


def build_branches(names: Sequence[str], asked: Mapping[str, Any], *, source: str) -> dict[str, Branch]:
    """Return the settings of each branch.

    Raises:
        ConfigError: Something was asked for that none of them has, or that is out of range.
    """
    kinds: dict[str, type[Branch]] = {name: BACKBONES.load(name) for name in names}
    fields = [field for kind in kinds.values() for field in kind.model_fields]
    for key in asked:
        if key not in fields:
            owner = next(other for other in BACKBONES.names() if key in BACKBONES.load(other).model_fields)
            chosen = "+".join(names)
            raise ConfigError(
                f"{source}: {key!r} is a setting of backbone {owner}, not of {chosen}. {chosen} has: {', '.join(dict.fromkeys(fields))}."
            )
    return {name: build(kind, {key: asked[key] for key in asked if key in kind.model_fields}, source=source) for name, kind in kinds.items()}


def settle(plan: Plan, dataset: Dataset) -> Plan:
    """Fill in what depends on the corpus, chosen on validation data (docs/decisions.md).

    Raises:
        ConfigError: What was asked for is not among the branches that `--backbone auto` chose, or the dataset lacks what a branch reads.
        DataError: The file of vectors is missing, or none.
    """
    plan = _look_at_vectors(_choose_branches(_with_base(plan, dataset), dataset))
    _check_branches(plan, dataset)
    settings = _settle_training(plan, dataset).model_copy(update={"refit": _refits(plan, dataset)})
    plan = replace(plan, settings=settings)
    return replace(plan, branches=_settle_branches(plan, dataset))


def _with_base(plan: Plan, dataset: Dataset) -> Plan:
    """Return the plan with the branch of what it begins with, in the place of any other that reads tokens in their order."""
    adaptation = parse_adaptation(plan.settings.train)
    if plan.settings.init_from is None:
        if adaptation.name != "all":
            raise ConfigError(f"{plan.source}: --train {adaptation} trains few weights of a model that has learned something. Pass --init-from RUN.")
        if plan.settings.gradual_unfreezing:
            raise ConfigError(f"{plan.source}: --gradual-unfreezing is for a model whose layers have learned something. Pass --init-from RUN.")
        return plan
    base = open_base(Path(plan.settings.init_from), dataset)
    if plan.settings.vectors is not None or plan.settings.initial_embedding not in (None, "uniform"):
        began = f"--vectors {plan.settings.vectors}" if plan.settings.vectors else f"--initial-embedding {plan.settings.initial_embedding}"
        raise ConfigError(f"{plan.source}: token vectors begin with those of --init-from, so {began} has no meaning. Leave one of them out.")
    names = branch_names(plan.settings.backbone, source=plan.source) if plan.settings.backbone != AUTO else []
    if base.backbone == WORDS:
        if adaptation.name != "all":
            raise ConfigError(f"{plan.source}: --train {adaptation} is for layers, and {base.path} has vectors of words alone. Leave it out.")
        asked_of_branches = take_over(base, plan.asked, source=plan.source)
        settings = plan.settings.model_copy(update={"initial_embedding": "uniform"})
        branches = build_branches(names, asked_of_branches, source=plan.source) if names else plan.branches
        return replace(plan, settings=settings, asked=asked_of_branches, branches=branches, base=base)
    if names and base.backbone not in names:
        asked = f"--backbone {plan.settings.backbone}"
        raise ConfigError(f"{plan.source}: --init-from {base.path} is a {base.backbone}, not among {asked}. Name it, or leave --backbone out.")
    if not names:
        others = choose(plan.settings.preset, dataset).branches if adaptation.name == "all" else ()
        names = [*(name for name in others if name == "bag"), base.backbone]
    if adaptation.name != "all" and (names != [base.backbone] or (plan.settings.ensemble or 1) > 1):
        raise ConfigError(f"{plan.source}: --train {adaptation} is for one {base.backbone} by itself. Leave --backbone and --ensemble out.")
    if adaptation.name != "all" and (plan.settings.freeze_embedding or plan.asked.get("subword_buckets")):
        raise ConfigError(f"{plan.source}: --train {adaptation} says what of the token vectors is trained. Leave --freeze-embedding and such out.")
    asked_of_branches = take_over(base, plan.asked, source=plan.source)
    settings = plan.settings.model_copy(update={"backbone": "+".join(names), "initial_embedding": "uniform"})
    branches = build_branches(names, asked_of_branches, source=plan.source)
    return replace(plan, settings=settings, asked=asked_of_branches, branches=branches, base=base, reason=f"begun with {base.path}")


def _look_at_vectors(plan: Plan) -> Plan:
    """Find out how wide the vectors are that token vectors begin with, if there are any; their place is then known from every directory.

    Raises:
        ConfigError: Token vectors of another width were asked for.
    """
    if plan.settings.vectors is None:
        return plan
    found = look_at_vectors(Path(plan.settings.vectors).resolve())
    if plan.asked.get("embedding") not in (None, found.width):
        raise ConfigError(
            f"{plan.source}: --embedding {plan.asked['embedding']} contradicts --vectors {plan.settings.vectors}, whose vectors have {found.width} "
            "values. Leave --embedding out."
        )
    return replace(plan, settings=plan.settings.model_copy(update={"vectors": str(found.path)}), vectors=found)


def _check_branches(plan: Plan, dataset: Dataset) -> None:
    """Refuse a dataset that lacks what a branch reads, and settings without a meaning for the branches."""
    if "bag" in plan.branches and not has_ngrams(dataset):
        raise ConfigError(
            f"{dataset.path} has no n-grams, which backbone bag reads. Preprocess again without --ngrams 0 (a task of two texts has none), "
            "or pass another --backbone."
        )
    if plan.settings.refit and "bag" not in plan.branches:
        raise ConfigError(f"{plan.source}: --refit is for a bag of n-grams, which is not among the branches {plan.settings.backbone}. Leave it out.")
    readers = [branch for branch in plan.branches.values() if isinstance(branch, Backbone)]
    pooling = plan.settings.pooling or ""
    if "last" in pooling and any(reader.segment for reader in readers):
        raise ConfigError(
            f"{plan.source}: --pooling {pooling} looks at the ends of a text, and with --segment at the last segment alone. Leave one of them out."
        )
    for name in ("freeze_embedding", "vectors"):
        if getattr(plan.settings, name) and not readers:
            option = f"--{name.replace('_', '-')}"
            raise ConfigError(f"{plan.source}: {option} is for token vectors, and a bag has none. Leave it out, or pass another --backbone.")
    if plan.settings.freeze_embedding:
        _check_freezing(plan, readers)
    if any(reader.subword_buckets for reader in readers) and not has_words(tokenizer := dataset.load_tokenizer()):
        raise ConfigError(
            f"{plan.source}: --subword-buckets needs words, and tokenizer {tokenizer.name} of {dataset.path} has single characters. "
            "Leave it out, or preprocess again with another --tokenizer."
        )


def _check_freezing(plan: Plan, readers: Sequence[Backbone]) -> None:
    """Refuse to leave token vectors as they begin where they begin with chance."""
    if plan.base is None and plan.settings.initial_embedding not in (None, "cooccurrence"):
        began = f"--initial-embedding {plan.settings.initial_embedding}"
        raise ConfigError(f"{plan.source}: --freeze-embedding leaves token vectors as they begin, with {began} by chance. Leave one of them out.")
    if any(reader.subword_buckets for reader in readers):
        raise ConfigError(f"{plan.source}: --freeze-embedding and --subword-buckets exclude each other: vectors of n-grams begin with chance.")


def _refits(plan: Plan, dataset: Dataset) -> bool:
    """Say whether the bag learns the validation examples too, once they have decided what they decide."""
    if "bag" not in plan.branches or not dataset.examples("validation"):
        return False
    is_drawn = all(source["split"] != "validation" for source in dataset.description["sources"])
    return plan.settings.refit if plan.settings.refit is not None else is_drawn and dataset.examples("test") > 0


def _choose_branches(plan: Plan, dataset: Dataset) -> Plan:
    if plan.settings.backbone != AUTO:
        return replace(plan, settings=plan.settings.model_copy(update={"ensemble": plan.settings.ensemble or 1}))
    choice = choose(plan.settings.preset, dataset)
    names, reason, given = choice.branches, choice.reason, choice.settings
    if plan.settings.head == "flatten" or not _fields_of(names).issuperset(plan.asked):
        names, reason, given = _owners(plan, choice), "the settings that were asked for belong to it", {}
    asked = {**plan.asked, **{key: value for key, value in given.items() if plan.asked.get(key) is None}}
    update = {"backbone": "+".join(names), "ensemble": plan.settings.ensemble or choice.ensemble}
    branches = build_branches(names, asked, source=plan.source)
    return replace(plan, settings=plan.settings.model_copy(update=update), branches=branches, asked=asked, reason=reason)


def _owners(plan: Plan, choice: Choice) -> tuple[str, ...]:
    """Return the branches that have all settings that were asked for: `conv`, beside what the preset has beside others, before any other."""
    if plan.settings.head == "flatten":
        return ("conv",)
    candidates = [(*choice.branches[:-1], "conv"), *((name,) for name in BACKBONES.names())]
    return next((names for names in candidates if _fields_of(names).issuperset(plan.asked)), ("conv",))


def _fields_of(names: Sequence[str]) -> set[str]:
    return {field for name in names for field in BACKBONES.load(name).model_fields}


def _settle_training(plan: Plan, dataset: Dataset) -> FinetuneSettings:
    settings, has_many = plan.settings, is_large(dataset)
    initial = settings.initial_embedding or _initial_embedding(plan, dataset)
    small_pooling = "max" if is_short_and_sparse(dataset) else "max_sqrtn"
    is_slow = not has_many or _reads_many_long_texts_in_order(plan, dataset)
    return settings.model_copy(
        update={
            "epochs": settings.epochs or min(30, max(5, -(-_EXAMPLES_SEEN // max(1, dataset.examples("train"))))),
            "batch_size": settings.batch_size or (64 if has_many else 32),
            "learning_rate": settings.learning_rate or (1e-3 if is_slow else 2e-3),
            "optimizer": settings.optimizer or ("sparse_adam" if has_many else "adam"),
            "pooling": settings.pooling or ("max_mean" if has_many else small_pooling),
            "initial_embedding": initial,
            "freeze_embedding": _freezes(plan, dataset, initial),
        }
    )


def _reads_many_long_texts_in_order(plan: Plan, dataset: Dataset) -> bool:
    """Say whether `minrnn` reads many long texts, which needs smaller steps and less dropout than `conv` does."""
    return "minrnn" in plan.branches and has_many_long_texts(dataset)


def _initial_embedding(plan: Plan, dataset: Dataset) -> str | None:
    if plan.settings.vectors:
        return None
    if plan.settings.freeze_embedding or has_many_texts(dataset):
        return "cooccurrence"
    if is_large(dataset):
        # single characters stand beside too many others: it is no gain to `conv`
        return "cooccurrence" if "minrnn" in plan.branches or reads_words(dataset) else "uniform"
    return "naive_bayes" if "initial_embedding" in TASKS.load(plan.settings.task).own_settings else "uniform"


def _freezes(plan: Plan, dataset: Dataset, initial: str | None) -> bool:
    """Say whether token vectors stay as they begin: as asked for, else where that was measured to pay."""
    if plan.settings.freeze_embedding is not None:
        return plan.settings.freeze_embedding
    readers = [branch for branch in plan.branches.values() if isinstance(branch, Backbone)]
    can = initial == "cooccurrence" and bool(readers) and not any(reader.subword_buckets for reader in readers)
    is_one_text = len(TASKS.load(dataset.task).token_features) == 1
    return can and is_one_text and has_many_texts(dataset) and is_short_and_sparse(dataset) and not is_large(dataset)


def _settle_branches(plan: Plan, dataset: Dataset) -> dict[str, Branch]:
    strengths = dict(zip(("bag_strength", "bag_plain_strength", "bag_margin_strength"), _bag_strengths(dataset), strict=True))
    dropout = 0.6 if is_large(dataset) else 0.5
    chosen: dict[str, Any] = {"embedding_dropout": dropout, "bidirectional": True, **strengths}
    if is_short_and_sparse(dataset):
        chosen |= {"embedding_dropout": 0.3, "embedding": 128, "widths": [1, 2, 3, 4]}
    if has_long_texts(dataset):
        # as good there as 128 filters in half the time; a second direction gains a tenth of a point for twice the work (docs/decisions.md)
        chosen |= {"filters": 64, "bidirectional": plan.settings.pooling == "first_last"}
    if has_many_long_texts(dataset):
        chosen["widths"] = [3]  # as good as three widths in two thirds of the time
    if _reads_many_long_texts_in_order(plan, dataset):
        chosen["embedding_dropout"] = 0.3
    if plan.asked.get("causal"):
        chosen["bidirectional"] = False
    if plan.settings.freeze_embedding:
        chosen["embedding"] = 300  # of 64, 128 and 300: what is not learned has to be there
    if plan.vectors:
        chosen["embedding"] = plan.vectors.width
    chosen = {key: value for key, value in chosen.items() if plan.asked.get(key) is None}
    return {
        name: branch.model_copy(update={key: value for key, value in chosen.items() if key in type(branch).model_fields})
        for name, branch in plan.branches.items()
    }


def _bag_strengths(dataset: Dataset) -> tuple[float, float, float]:
    """Return the inverse ridge penalties of a bag with naive Bayes, without, and by margins."""
    if TASKS.load(dataset.task).output_loss != "softmax":
        return _OTHER_OUTPUTS
    if len(dataset.labels) != 2:
        return _MORE_LABELS
    return _TWO_LABELS_LONG if has_long_texts(dataset) else _TWO_LABELS


def fingerprint(dataset: Dataset, plan: Plan) -> str:
    """Hash everything that decides the trained weights."""
    # a preset is what chose the branches; once they are chosen it says nothing
    excluded = {*_NOT_IN_FINGERPRINT, "preset", "vectors"}
    settings = plan.settings.model_copy(update={"init_from": plan.base.weights}) if plan.base else plan.settings
    parts = [_said(each, excluded) for each in (settings, *plan.branches.values())]
    return sha256_json([dataset.fingerprint, parts[0], parts[1:], *plan.vectors_hash])[:16]


def _said(settings: Settings, excluded: Set[str]) -> dict[str, Any]:
    """Return settings without what was so before there was such a setting."""
    return {name: value for name, value in settings.model_dump(exclude=set(excluded)).items() if _NEUTRAL.get(name, ...) != value}

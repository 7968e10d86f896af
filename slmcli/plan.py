"""What a training will do, settled and checked before TensorFlow loads."""

from collections.abc import Sequence, Set
from dataclasses import replace
from typing import Any  # Any: values as they come from flags and recipes

from slmcli.backbones import BACKBONES
from slmcli.backbones.bag import Bag
from slmcli.backbones.base import Backbone, Branch
from slmcli.base_model import WORDS
from slmcli.beginnings import begin_with_base, begin_with_vectors
from slmcli.branch_settings import AUTO, Plan, build_branches, fields_of
from slmcli.character_ngrams import has_words
from slmcli.config import Settings
from slmcli.corpus_shape import has_long_texts, has_many_long_texts, has_many_texts, is_large, is_short_and_sparse, reads_words
from slmcli.dataset import Dataset
from slmcli.errors import ConfigError
from slmcli.files import sha256_json
from slmcli.presets import Choice, choose, has_ngrams
from slmcli.tasks import TASKS
from slmcli.training_config import FinetuneSettings

# does not change the trained weights
_NOT_IN_FINGERPRINT = frozenset({"checkpoint_minutes", "tensorboard", "k_fold", "learning_curve"})
# settings younger than runs that can go on, and what was so before
_NEUTRAL: dict[str, Any] = {
    **{"freeze_embedding": False, "causal": False, "layer_dropout": 0.0, "init_from": None},
    **{"train": "all", "layer_decay": 1.0, "gradual_unfreezing": False, "self_training": 0, "bag_directions": 0},
}
# our choice, on validation data: about this many examples are seen, in 5 to 30 passes, until validation no longer improves
_EXAMPLES_SEEN = 110_000
# our choice, on validation data of ten corpora (docs/decisions.md): inverse of the ridge penalty of a bag, with naive Bayes, without, by margins
_TWO_LABELS_LONG, _TWO_LABELS, _MORE_LABELS, _OTHER_OUTPUTS = (30.0, 10.0, 3.0), (5.0, 10.0, 3.0), (2.0, 3.0, 0.3), (10.0, 10.0, 1.0)

# our choice, on validation data of five corpora (docs/decisions.md): more directions of few examples are of chance
_MOST_DIRECTIONS, _LEAST_DIRECTIONS, _EXAMPLES_A_DIRECTION = 250, 20, 15
# our choice, on validation data, for 20,000 labelled texts and 50,000 others: labels that are probabilities hold less of chance (docs/decisions.md)
_MOST_TIMES = 3.0


def settle(plan: Plan, dataset: Dataset) -> Plan:
    """Fill in what depends on the corpus, chosen on validation data (docs/decisions.md).

    Raises:
        ConfigError: What was asked for is not among the branches that `--backbone auto` chose, or the dataset lacks what a branch reads.
        DataError: The file of vectors is missing, or none.
    """
    plan = begin_with_vectors(_choose_branches(begin_with_base(plan, dataset), dataset))
    _check_branches(plan, dataset)
    settings = _settle_training(plan, dataset).model_copy(update={"refit": _refits(plan, dataset)})
    plan = replace(plan, settings=settings)
    return replace(plan, branches=_settle_branches(plan, dataset))


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
    if plan.settings.head == "flatten" or not fields_of(names).issuperset(plan.asked):
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
    return next((names for names in candidates if fields_of(names).issuperset(plan.asked)), ("conv",))


def _settle_training(plan: Plan, dataset: Dataset) -> FinetuneSettings:
    settings, has_many = plan.settings, is_large(dataset)
    initial = settings.initial_embedding or _initial_embedding(plan, dataset)
    small_pooling = "max" if is_short_and_sparse(dataset) else "max_sqrtn"
    has_learned = plan.base is not None and plan.base.backbone != WORDS
    is_slow = not has_many or has_learned or _reads_many_long_texts_in_order(plan, dataset)
    return settings.model_copy(
        update={
            "epochs": settings.epochs or min(30, max(5, -(-_EXAMPLES_SEEN // max(1, dataset.examples("train"))))),
            "batch_size": settings.batch_size or (64 if has_many else 32),
            "learning_rate": settings.learning_rate or (1e-3 if is_slow else 2e-3),
            "optimizer": settings.optimizer or ("sparse_adam" if has_many else "adam"),
            "pooling": settings.pooling or ("max_mean" if has_many or has_learned else small_pooling),
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
    chosen: dict[str, Any] = {"embedding_dropout": dropout, "bidirectional": True, "bag_directions": _directions(dataset), **strengths}
    if is_short_and_sparse(dataset):
        chosen |= {"embedding_dropout": 0.3, "embedding": 128, "widths": [1, 2, 3, 4]}
    if has_long_texts(dataset):
        # as good there as 128 filters in half the time; a second direction gains a tenth of a point for twice the work (docs/decisions.md)
        chosen |= {"filters": 64, "bidirectional": plan.settings.pooling == "first_last"}
    if has_many_long_texts(dataset):
        chosen["widths"] = [3]  # as good as three widths in two thirds of the time
    if _reads_many_long_texts_in_order(plan, dataset):
        chosen["embedding_dropout"] = 0.3
    if plan.base is not None and plan.base.backbone != WORDS:
        chosen["embedding_dropout"] = 0.3  # what a language model knows of words is more than these examples say
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


def _directions(dataset: Dataset) -> int:
    """Return along how many directions a bag is solved: none where labelled texts alone, few or short ones, would have to say which."""
    examples = dataset.examples("train")
    has_others = dataset.finds_ngrams_in_texts or dataset.has_soft_labels
    if not has_others and not has_many_long_texts(dataset):
        return 0
    return min(_MOST_DIRECTIONS, max(_LEAST_DIRECTIONS, examples // _EXAMPLES_A_DIRECTION))


def _bag_strengths(dataset: Dataset) -> tuple[float, ...]:
    """Return the inverse ridge penalties of a bag with naive Bayes, without, and by margins."""
    examples = dataset.examples("train")
    times = min(_MOST_TIMES, examples / (examples - dataset.taught_texts))
    return tuple(times * strength for strength in _strengths(dataset))


def _strengths(dataset: Dataset) -> tuple[float, float, float]:
    if TASKS.load(dataset.task).output_loss != "softmax":
        return _OTHER_OUTPUTS
    if len(dataset.labels) != 2:
        return _MORE_LABELS
    return _TWO_LABELS_LONG if has_long_texts(dataset) else _TWO_LABELS


def fingerprint(dataset: Dataset, plan: Plan) -> str:
    """Hash everything that decides the trained weights; of teachers that is what was asked for."""
    # a preset is what chose the branches; once they are chosen it says nothing
    excluded = {*_NOT_IN_FINGERPRINT, "preset", "vectors"}
    settings = plan.settings.model_copy(update={"init_from": plan.base.weights}) if plan.base else plan.settings
    parts = [_said(each, excluded) for each in (settings, *plan.branches.values())]
    others = {*_NOT_IN_FINGERPRINT, "vectors", "init_from"}
    given = [{name: value for name, value in plan.given.items() if name not in others}] if plan.settings.self_training else []
    # texts whose n-grams were not kept by an older version say nothing, and the dataset has the same fingerprint
    read = (
        ["texts"] if dataset.finds_ngrams_in_texts and any(isinstance(each, Bag) and each.bag_directions for each in plan.branches.values()) else []
    )
    return sha256_json([dataset.fingerprint, parts[0], parts[1:], *plan.vectors_hash, *given, *read])[:16]


def _said(settings: Settings, excluded: Set[str]) -> dict[str, Any]:
    """Return settings without what was so before there was such a setting."""
    return {name: value for name, value in settings.model_dump(exclude=set(excluded)).items() if _NEUTRAL.get(name, ...) != value}

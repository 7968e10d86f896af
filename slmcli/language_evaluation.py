"""Judge a language model: what texts cost it, beside models that only count, where it is weak, and what it costs to let it write."""

import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any  # Any: JSON documents

import numpy as np

from slmcli.bundle import LanguageBundle
from slmcli.config import CorpusSettings, EvaluateSettings
from slmcli.cost import SIZE_NAMES
from slmcli.dataset import Dataset
from slmcli.errors import BundleError, ConfigError, DataError, DatasetError
from slmcli.gates import check_gates
from slmcli.judged_examples import choose_split
from slmcli.language_baselines import compare_with_counts, count_training
from slmcli.language_parts import hardest_passages, score_by_frequency, split_by_document, write_document_costs
from slmcli.language_scoring import LanguageScorer, TokenCosts
from slmcli.perplexity import score_costs
from slmcli.reading import read_examples
from slmcli.tasks.language_model import LanguageModel
from slmcli.token_windows import read_documents
from slmcli.verdict import language_verdict
from slmcli.writing_cost import WRITING_COST_NAMES, measure_writing

logger = logging.getLogger(__name__)

Documents = Sequence[np.ndarray]
# scores of a model that does not predict every token
_OF_HIDDEN_TOKENS = ("loss", "perplexity")


def judge_language_model(
    target: Path, bundle: LanguageBundle, settings: EvaluateSettings, source: Dataset | None, *, predictions: Path | None
) -> dict[str, Any]:
    """Return what an evaluation of a language model says.

    Args:
        target: The run or bundle, for messages.
        bundle: Its bundle.
        settings: What to judge, and by which texts.
        source: The dataset whose texts it is judged by, or whose training texts the baselines count; None: there is none.
        predictions: Where to write what each document costs; None: nowhere.

    Raises:
        SlmError: The model predicts no text, or there is nothing to judge it by.
    """
    _check(settings)
    scorer = LanguageScorer(bundle)
    is_causal = scorer.objective.is_causal
    names = {"cost_names": WRITING_COST_NAMES} if is_causal else {"cost_names": SIZE_NAMES, "scores": _OF_HIDDEN_TOKENS}
    check_gates(settings.require, LanguageModel, has_cost=settings.cost, **names)
    if predictions is not None and not is_causal:
        raise ConfigError(f"--predictions: {bundle.path} predicts hidden tokens alone, and says nothing of whole documents. Leave it out.")
    if source is not None:
        _check_tokens(source, bundle)
    documents, origin = _documents(target, settings, source, bundle)
    found = scorer.score(documents, threads=settings.threads)
    characters = sum(len(bundle.tokenizer.decode(document.tolist())) + 1 for document in documents) if is_causal else None
    result = {
        "task": LanguageModel.name,
        "objective": scorer.objective.name,
        **origin,
        "examples": len(documents),
        **_score(found, characters, seed=settings.seed),
        **_compare(found, source, settings, is_causal=is_causal, characters=characters),
        **{"weak_words": [], "mistakes": [], "label_issues": {}},
    }
    if is_causal:
        costs = split_by_document(found, documents)
        result["passages"] = hardest_passages(documents, costs, bundle.tokenizer, length=found.form.context)
        if predictions is not None:
            write_document_costs(predictions, costs)
    if settings.cost:
        logger.info("Measuring what the model costs")
        result["cost"] = measure_writing(bundle, is_causal=is_causal, threads=settings.threads)
    return {**result, "verdict": language_verdict(result)}


def _check(settings: EvaluateSettings) -> None:
    """Refuse what has no meaning for running text."""
    if settings.robustness:
        raise ConfigError("--robustness: a language model says no label that should stay the same when a text changes. Leave it out.")
    if settings.slice_by:
        raise ConfigError(f"--slice-by {settings.slice_by[0]}: a language model is judged by running text. Leave it out.")


def _check_tokens(source: Dataset, bundle: LanguageBundle) -> None:
    """Refuse a dataset whose tokens are not those of the model."""
    found, wanted = source.description["tokenizer_fingerprint"], bundle.manifest["tokenizer_fingerprint"]
    if found != wanted:
        raise DatasetError(
            f"{source.path} was encoded with tokenizer {found}, the model has {wanted}: its tokens are others. Pass another --dataset, or "
            f"preprocess again with --tokenizer-from {bundle.path}."
        )


def _documents(target: Path, settings: EvaluateSettings, source: Dataset | None, bundle: LanguageBundle) -> tuple[Documents, dict[str, Any]]:
    """Return the token ids of each text that is judged, and which these are."""
    if settings.data:
        examples = read_examples(settings.data, settings.narrow(CorpusSettings), fields=LanguageModel.fields)
        encoded = [np.asarray(bundle.tokenizer.encode(example.text), np.int32) for example in examples]
        documents = [document for document in encoded if len(document)]
        if not documents:
            raise DataError(f"{', '.join(settings.data)}: every text is empty. Give another file, or name the right column with --text-column.")
        return documents, {"data": settings.data}
    if source is None:
        raise BundleError(f"{target} does not know its dataset. Pass --data FILE, or --dataset DIR.")
    split = choose_split(settings.split, source)
    origin: dict[str, Any] = {"split": split, "dataset": str(source.path), "dataset_fingerprint": source.fingerprint}
    documents = read_documents(source, split)
    if not documents:
        raise DataError(f"{source.path}: every text of the {split} split is empty. Pass another --split, or --data FILE.")
    return documents, origin


def _score(found: TokenCosts, characters: int | None, *, seed: int) -> dict[str, Any]:
    tokens = int(found.weights.sum())
    if not tokens:
        raise DataError("there is no token to predict in the texts. Give longer ones.")
    scores, intervals = score_costs(found.costs, found.weights, characters=characters, seed=seed)
    return {
        "tokens": tokens,
        "scores": {name: round(value, 6) for name, value in scores.items()},
        "intervals": {name: [round(bound, 6) for bound in asdict(interval).values()] for name, interval in intervals.items()},
    }


def _compare(found: TokenCosts, source: Dataset | None, settings: EvaluateSettings, *, is_causal: bool, characters: int | None) -> dict[str, Any]:
    """Return `baselines`, the `difference` to the best, and `slices` by how often a token was seen; nothing without training texts."""
    counted = count_training(source) if source is not None and settings.baselines else None
    if counted is None:
        return {"baselines": {}, "difference": None, "slices": []}
    slices = score_by_frequency(found, counted.tokens, vocabulary_size=counted.vocabulary_size, seed=settings.seed)
    return {**compare_with_counts(found, counted, is_causal=is_causal, characters=characters, seed=settings.seed), "slices": slices}

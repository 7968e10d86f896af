"""Which branches `--backbone auto` means: by preset, task, and what is known of the corpus."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any  # Any: values of settings

from slmcli.corpus_shape import has_many_long_texts
from slmcli.dataset import Dataset

_WITHOUT_NGRAMS = ("conv",)
# their pretokens are whole runs between spaces, a Chinese sentence for example
_WITHOUT_WORDS = ("character", "byte")


@dataclass(frozen=True)
class Choice:
    """Branches, how often each is trained, why, and settings of theirs that are not those of the branches by themselves."""

    branches: tuple[str, ...]
    ensemble: int
    reason: str
    settings: Mapping[str, Any] = field(default_factory=dict)


def choose(preset: str, dataset: Dataset) -> Choice:
    """Return the branches for a dataset: our choice, on validation data of ten corpora (docs/decisions.md).

    Args:
        preset: fast, balanced or best.
        dataset: The encoded dataset.
    """
    ensemble = 2 if preset == "best" else 1
    if not has_ngrams(dataset):
        return Choice(_WITHOUT_NGRAMS, ensemble, f"{preset}, for a dataset without n-grams")
    if (tokenizer := dataset.load_tokenizer().name) in _WITHOUT_WORDS:
        return Choice(_WITHOUT_NGRAMS, ensemble, f"{preset}, for a tokenizer ({tokenizer}) that finds no words for n-grams")
    examples = dataset.examples("train")
    if preset == "fast":
        return Choice(("bag",), 1, "fast: a bag of n-grams is solved as a whole")
    if not dataset.examples("validation"):
        return Choice(("bag",), 1, f"{preset}, but without validation examples nothing says how to weigh several branches")
    if has_many_long_texts(dataset):
        reason = f"{preset}, for {examples:,} long texts: a bag of n-grams, and a recurrence"
        return Choice(("bag", "minrnn"), ensemble, reason, {"bidirectional": True, "recurrent_layers": 2})
    return Choice(("bag", "conv"), ensemble, f"{preset}, for {examples:,} training examples: a bag of n-grams, and what reads words in their order")


def has_ngrams(dataset: Dataset) -> bool:
    """Say whether the examples of a dataset hold n-grams."""
    return bool((dataset.description.get("ngrams") or {}).get("vocabulary_size"))

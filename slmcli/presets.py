"""Which branches `--backbone auto` means: by preset, task, and what is known of the corpus."""

from dataclasses import dataclass

from slmcli.dataset import Dataset

# our choice, on validation data of ten corpora (docs/decisions.md)
_BALANCED, _BEST = ("bag", "conv"), ("bag", "conv")
_WITHOUT_NGRAMS = ("conv",)
# their pretokens are whole runs between spaces, a Chinese sentence for example
_WITHOUT_WORDS = ("character", "byte")


@dataclass(frozen=True)
class Choice:
    """Branches, how often each is trained, and why."""

    branches: tuple[str, ...]
    ensemble: int
    reason: str


def choose(preset: str, dataset: Dataset) -> Choice:
    """Return the branches for a dataset.

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
        return Choice(("bag",), 1, "fast: a bag of n-grams is solved in seconds")
    if not dataset.examples("validation"):
        return Choice(("bag",), 1, f"{preset}, but without validation examples nothing says how to weigh several branches")
    branches = _BEST if preset == "best" else _BALANCED
    return Choice(branches, ensemble, f"{preset}, for {examples:,} training examples: a bag of n-grams, and what reads words in their order")


def has_ngrams(dataset: Dataset) -> bool:
    """Say whether the examples of a dataset hold n-grams."""
    return bool((dataset.description.get("ngrams") or {}).get("vocabulary_size"))

"""What decides how a text becomes features and outputs answers, and whether all of it fits into a graph."""

from collections.abc import Sequence
from dataclasses import dataclass

from slmcli.config import EncodingSettings
from slmcli.errors import ConfigError
from slmcli.ngrams import NgramVocabulary
from slmcli.tasks.base import TrainableTask
from slmcli.tokenizers.base import Tokenizer

GRAPH_STEPS = ("markup", "nfc", "nfd", "nfkc", "lowercase", "whitespace")
GRAPH_SPLITTERS = ("regexp", "wordpunct", "space")
GRAPH_TOKENIZERS = ("word", "character", "byte")
# why the operations of a graph do not give the ids of a tokenizer
_REASONS = {
    "chinese": "its words come from a dictionary with probabilities",
    "bpe": "its merges depend on each other",
    "unigram": "its pieces are found by sums of rounded probabilities",
    "wordpiece": "its search for the longest pieces is not written for one yet",
    "huggingface": "what its file asks for is done by a library alone",
}


@dataclass(frozen=True)
class TextParts:
    """What decides how texts become features, and outputs answers.

    Attributes:
        task: The task with what it has learned and the features that the model reads.
        tokenizer: The tokenizer with its cleaning.
        ngrams: The n-grams that the model reads, if any.
        encoding: How texts are cut to length.
        length: The only length in tokens that the model takes, or None.
    """

    task: TrainableTask
    tokenizer: Tokenizer
    ngrams: NgramVocabulary | None
    encoding: EncodingSettings
    length: int | None

    def check(self) -> None:
        """Refuse what a graph cannot do exactly as in training.

        Raises:
            ConfigError: There is such a part.
        """
        _check_tokenizer(self.tokenizer)
        _check_steps(self.tokenizer.cleaning.cleaning)


def _check_tokenizer(tokenizer: Tokenizer) -> None:
    if tokenizer.name not in GRAPH_TOKENIZERS:
        others = "character" if tokenizer.name == "chinese" else " or ".join(GRAPH_TOKENIZERS)
        reason = _REASONS.get(tokenizer.name, "no operations for it are known")
        raise ConfigError(
            f"format saved_model: tokenizer {tokenizer.name} cannot work inside a graph, because {reason}. "
            f"Pass --format litert, or train with --tokenizer {others}."
        )
    splitter = tokenizer.settings.splitter
    if tokenizer.name == "word" and splitter not in GRAPH_SPLITTERS:
        raise ConfigError(
            f"format saved_model: --splitter {splitter} is code of NLTK, which a graph cannot hold; {', '.join(GRAPH_SPLITTERS)} are possible. "
            "Pass --format litert, or train with another --splitter."
        )


def _check_steps(steps: Sequence[str]) -> None:
    lacking = [step for step in steps if step not in GRAPH_STEPS]
    if lacking:
        raise ConfigError(
            f"format saved_model: cleaning step {lacking[0]!r} cannot be done inside a graph exactly as in training; {', '.join(GRAPH_STEPS)} can. "
            "Pass --format litert, or train with other --cleaning."
        )

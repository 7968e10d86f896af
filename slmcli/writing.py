"""Texts written by a language model from its bundle."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from slmcli.bundle import LanguageBundle, open_language_bundle
from slmcli.errors import BundleError, ConfigError
from slmcli.language_model_config import SamplingSettings
from slmcli.objectives import OBJECTIVES
from slmcli.objectives.base import Objective
from slmcli.text_generation import Piece, encode_prompt, write
from slmcli.tokenizers.base import UNKNOWN_ID, Tokenizer

logger = logging.getLogger(__name__)

# tokenizers for which a space belongs to the word behind it
_SPACE_COMES_FIRST = frozenset({"bpe", "unigram"})
_SHOWN = 10  # our choice: unknown parts of a prompt that are named


class Writer:
    """A language model that continues texts; TensorFlow is imported when it is made."""

    def __init__(self, bundle: LanguageBundle, *, threads: int = 0) -> None:
        from slmcli.formats.keras import load_model
        from slmcli.runtime import start_tensorflow

        objective: type[Objective] = OBJECTIVES.load(bundle.manifest["objective"])
        if not objective.is_causal:
            raise BundleError(f"{bundle.path} was pretrained with objective {objective.name} and cannot write. Pretrain with --objective causal-lm.")
        start_tensorflow(threads=threads)
        from slmcli.step_decoder import StepDecoder

        self.tokenizer = bundle.tokenizer
        self.decoder = StepDecoder(load_model(bundle.path), memory=bundle.settings["pretrain"]["context"])

    def write(self, prompt: str, settings: SamplingSettings) -> Iterator[Piece]:
        """Yield what follows a prompt, piece by piece."""
        return write(self.decoder, self.tokenizer, encode_prompt(self.tokenizer, prompt), settings)


def open_writer(path: Path, *, threads: int = 0) -> Writer:
    """Open the bundle of a language model at `path`, or the one inside a run."""
    return Writer(open_language_bundle(path), threads=threads)


def check_prompts(prompts: Sequence[str], tokenizer: Tokenizer) -> list[str]:
    """Return the prompts as they are read, and say what the model has never seen of them.

    Raises:
        ConfigError: The model knows nothing of one of them.
    """
    return [_check_prompt(prompt, tokenizer) for prompt in prompts]


def _check_prompt(prompt: str, tokenizer: Tokenizer) -> str:
    kept = prompt.rstrip(" ") if tokenizer.name in _SPACE_COMES_FIRST else prompt
    token_ids = tokenizer.encode(kept)
    if token_ids and set(token_ids) == {UNKNOWN_ID}:
        raise ConfigError(f"prompt {prompt!r}: the tokenizer of the model has seen nothing of it in its texts. Give a prompt in their language.")
    if UNKNOWN_ID in token_ids:
        shown = ", ".join(map(repr, _unknown_parts(kept, tokenizer)[:_SHOWN]))
        logger.warning("prompt %r: the model has never seen %s, and reads <unk> in its place", prompt, shown)
    return kept


def _unknown_parts(prompt: str, tokenizer: Tokenizer) -> list[str]:
    """Return the pretokens of which nothing is known, and of others the characters; the whole prompt where there are no pretokens."""
    if tokenizer.is_whole_text:
        return [prompt]
    found: dict[str, None] = {}
    for pretoken in tokenizer.tokenize(prompt):
        token_ids = tokenizer.encode_pretokens([pretoken])
        if set(token_ids) == {UNKNOWN_ID}:
            found[pretoken] = None
        elif UNKNOWN_ID in token_ids:
            found |= dict.fromkeys(character for character in pretoken if UNKNOWN_ID in tokenizer.encode_pretokens([character]))
    return list(found)

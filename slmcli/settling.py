"""Which tokenizer and which cleaning a corpus gets, when they were not asked for by name."""

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from slmcli.cleaning import resolve
from slmcli.config import CleaningSettings, NgramSettings, TextSettings, TokenizerSettings
from slmcli.dataset import read_tokenizer
from slmcli.errors import ConfigError, DataError
from slmcli.pretokens import HAN
from slmcli.tasks.base import Task
from slmcli.tokenizers import TOKENIZERS
from slmcli.tokenizers.base import Tokenizer

_HAN = re.compile(f"[{HAN}]")
# our choice: Chinese text with English names in it has more, English text with a Chinese name fewer
_MANY_HAN = 0.2


def settle_text(settings: TextSettings, task: type[Task], texts: Iterable[str]) -> tuple[TokenizerSettings, CleaningSettings]:
    """Return tokenizer and cleaning: those asked for, else those that suit task and script.

    Args:
        settings: What was asked for.
        task: The task.
        texts: Some of the corpus.
    """
    name = settings.tokenizer
    if name == "auto":
        name = task.tokenizers[_is_han(texts)]
    wanted = settings.narrow(TokenizerSettings).model_copy(update={"tokenizer": name})
    return wanted, resolve(CleaningSettings(cleaning=task.cleaning if settings.cleaning is None else settings.cleaning))


def _is_han(texts: Iterable[str]) -> bool:
    sample = "".join(texts)
    letters = sum(map(str.isalpha, sample))
    return bool(letters) and len(_HAN.findall(sample)) > _MANY_HAN * letters


def untrained_tokenizer(settings: TokenizerSettings, cleaning: CleaningSettings) -> Tokenizer:
    """Return a tokenizer that can split texts."""
    kind: type[Tokenizer] = TOKENIZERS.load(settings.tokenizer)
    return kind.untrained(settings, cleaning)


def given_tokenizer(settings: TextSettings) -> Tokenizer | None:
    """Return the tokenizer that `--tokenizer-from` names; None when one is to be trained.

    Raises:
        ConfigError: There is none, another setting contradicts it, or one that cannot be trained is asked for without it.
        DataError: The file is damaged.
    """
    if settings.tokenizer_from is None:
        if settings.tokenizer != "auto" and not TOKENIZERS.load(settings.tokenizer).is_trainable:
            raise ConfigError(f"--tokenizer {settings.tokenizer} is not trained but loaded. Name its tokenizer.json file with --tokenizer-from.")
        return None
    path = Path(settings.tokenizer_from)
    tokenizer = load_tokenizer(path, None if settings.cleaning is None else CleaningSettings(cleaning=settings.cleaning))
    if contradictions := _contradictions(settings, tokenizer):
        raise ConfigError(f"--tokenizer-from {path}: {'; '.join(contradictions)}. Leave out what the tokenizer decides, or --tokenizer-from.")
    return tokenizer


def _contradictions(settings: TextSettings, tokenizer: Tokenizer) -> list[str]:
    """Return what was asked for, beside a tokenizer from elsewhere, that it is not; a default was not asked for."""
    found = []
    if settings.tokenizer not in ("auto", tokenizer.name):
        found.append(f"it is of kind {tokenizer.name}, not --tokenizer {settings.tokenizer}")
    if settings.cleaning is not None and resolve(CleaningSettings(cleaning=settings.cleaning)) != tokenizer.cleaning:
        found.append(f"it cleans with {_in_words(tokenizer.cleaning.cleaning)}, not --cleaning {_in_words(settings.cleaning)}")
    for name in ("splitter", "vocabulary_size", "min_frequency"):
        asked, was = getattr(settings, name), getattr(tokenizer.settings, name)
        is_for_ngrams = name == "min_frequency" and isinstance(settings, NgramSettings) and bool(settings.ngrams)
        if asked not in (was, TokenizerSettings.model_fields[name].default) and not is_for_ngrams:
            found.append(f"--{name.replace('_', '-')} {asked} has no influence on it")
    return found


def _in_words(steps: Sequence[str]) -> str:
    return ",".join(steps) or "none"


def load_tokenizer(path: Path, cleaning: CleaningSettings | None = None) -> Tokenizer:
    """Return the tokenizer of a dataset, run or bundle, of slm's tokenizer.json, or of a Hugging Face tokenizer.json.

    Args:
        path: A directory or a file.
        cleaning: What happens to a text before a Hugging Face tokenizer.json sees it, nothing when left out; the others know.

    Raises:
        ConfigError: There is none.
        DataError: The file is damaged.
    """
    places = [path, path / "tokenizer.json", path / "bundle" / "tokenizer.json"]
    file = next((place for place in places if place.is_file()), None)
    if file is None:
        raise ConfigError(f"--tokenizer-from {path}: there is no tokenizer. Name a dataset, run or bundle directory, or a tokenizer.json file.")
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{file} is not a tokenizer: it cannot be read as JSON ({error}). Name another file.") from error
    if isinstance(document, dict) and isinstance(document.get("tokenizer"), str):
        return read_tokenizer(file)
    kind = TOKENIZERS.load("huggingface")
    return kind.from_document(document, resolve(cleaning or CleaningSettings(cleaning=[])), source=str(file))

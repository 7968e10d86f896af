"""Which tokenizer and which cleaning a corpus gets, when they were not asked for by name."""

import json
import re
from collections.abc import Iterable
from pathlib import Path

from slmcli.cleaning import resolve
from slmcli.config import CleaningSettings, TextSettings, TokenizerSettings
from slmcli.dataset import read_tokenizer
from slmcli.errors import ConfigError, DataError
from slmcli.tasks.base import Task
from slmcli.tokenizers import TOKENIZERS
from slmcli.tokenizers.base import Tokenizer

_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
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


def load_tokenizer(path: Path) -> Tokenizer:
    """Return the tokenizer of a dataset, run or bundle, of slm's tokenizer.json, or of a Hugging Face tokenizer.json.

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
    return kind.from_file(file)

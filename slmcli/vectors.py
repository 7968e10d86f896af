"""What a trained model knows of its tokens: their vectors, which are alike, and as a file for other programs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # Any: Keras models, JSON documents

import numpy as np

from slmcli.bundle import MANIFEST, Bundle, find_bundle, open_bundle, open_language_bundle
from slmcli.cleaning import clean
from slmcli.corpus_identity import LANGUAGE_MODEL
from slmcli.errors import BundleError, ConfigError
from slmcli.files import check_replaceable_file
from slmcli.formats.keras import KerasFormat, load_model
from slmcli.language_models import embedding_of
from slmcli.registry import hint
from slmcli.runtime import start_tensorflow
from slmcli.tokenizers.base import SPECIAL_TOKENS, UNKNOWN_ID, Tokenizer
from slmcli.vector_files import is_writable, write_vectors


@dataclass(frozen=True)
class TokenVectors:
    """The vectors of a vocabulary.

    Attributes:
        path: The run or bundle that they are from.
        branch: The branch of its model.
        tokenizer: Its tokenizer, whose vocabulary names the rows.
        matrix: (vocabulary, width) float32.
    """

    path: Path
    branch: str
    tokenizer: Tokenizer
    matrix: np.ndarray

    def nearest(self, words: Sequence[str], *, count: int) -> dict[str, Any]:
        """Return, for each word, the tokens whose vectors have the greatest cosine with its own.

        Raises:
            ConfigError: A word is not in the vocabulary.
        """
        ids, unit = self._ids_of(words), self._unit()
        found = [
            {"word": word, "token": self.tokenizer.vocabulary[token_id], "nearest": self._greatest(unit @ unit[token_id], [token_id], count)}
            for word, token_id in zip(words, ids, strict=True)
        ]
        return {**self._origin(), "words": found}

    def analogy(self, first: str, second: str, third: str, *, count: int) -> dict[str, Any]:
        """Return the tokens d such that `first` is to `second` as `third` is to d: of the greatest cosine with second - first + third.

        Source: Mikolov et al. 2013, "Linguistic regularities in continuous space word representations", over vectors of length 1, and
        without the three words among the answers; called 3CosAdd by Levy & Goldberg 2014, "Linguistic regularities in sparse and
        explicit word representations".

        Raises:
            ConfigError: A word is not in the vocabulary.
        """
        ids, unit = self._ids_of([first, second, third]), self._unit()
        wanted = _of_length_one(unit[ids[1]] - unit[ids[0]] + unit[ids[2]])
        return {**self._origin(), "analogy": [first, second, third], "answers": self._greatest(unit @ wanted, ids, count)}

    def export(self, path: Path, *, form: str, overwrite: bool) -> dict[str, Any]:
        """Write all vectors but those of special tokens, and of tokens with white space, at which readers split; return what was written.

        Raises:
            OutputError: Something stands at `path`, or nothing can be written there.
        """
        check_replaceable_file(path, overwrite=overwrite, inputs=[str(self.path)], option="FILE")
        vocabulary = self.tokenizer.vocabulary
        rows = [row for row in range(len(SPECIAL_TOKENS), len(vocabulary)) if is_writable(vocabulary[row])]
        write_vectors(path, [vocabulary[row] for row in rows], self.matrix[rows], form, option="FILE")
        left_out = len(vocabulary) - len(SPECIAL_TOKENS) - len(rows)
        facts = {"file": str(path), "form": form, "words": len(rows), "width": self.matrix.shape[1], "left_out": left_out}
        return {**self._origin(), **facts, "bytes": path.stat().st_size}

    def _origin(self) -> dict[str, Any]:
        return {"model": str(self.path), "branch": self.branch}

    def _ids_of(self, words: Sequence[str]) -> list[int]:
        """Return the id of each word; all that are missing are named at once."""
        known = {token: token_id for token_id, token in enumerate(self.tokenizer.vocabulary) if token_id >= len(SPECIAL_TOKENS)}
        ids = [_find(word, known, self.tokenizer) for word in words]
        missing = [word for word, token_id in zip(words, ids, strict=True) if token_id is None]
        if missing:
            where = f"is not in the vocabulary of {self.path}, which has {len(known):,} tokens."
            raise ConfigError("\n".join(f"{word!r} {where}{hint(word, known)}" for word in missing))
        return [token_id for token_id in ids if token_id is not None]

    def _unit(self) -> np.ndarray:
        return _of_length_one(self.matrix.astype(np.float32))

    def _greatest(self, cosines: np.ndarray, excluded: Sequence[int], count: int) -> list[dict[str, Any]]:
        """Return the tokens with the greatest of (vocabulary,) cosines; none is special, or excluded."""
        left_out = {*range(len(SPECIAL_TOKENS)), *excluded}
        best = [row for row in np.argsort(-cosines, kind="stable")[: count + len(left_out)].tolist() if row not in left_out]
        return [{"token": self.tokenizer.vocabulary[row], "cosine": round(float(cosines[row]), 4)} for row in best[:count]]


def _of_length_one(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0.0)


def _find(word: str, known: Mapping[str, int], tokenizer: Tokenizer) -> int | None:
    """Return the id of a word as it is cleaned, or as it stands, as a piece does, or else of the only piece that it has."""
    for form in (clean(word, tokenizer.cleaning), word):
        if form in known:
            return known[form]
    pieces = tokenizer.encode(word)
    return pieces[0] if len(pieces) == 1 and pieces[0] != UNKNOWN_ID else None


def _of_language_model(path: Path, branch: str | None) -> TokenVectors:
    """Return the vectors of a language model, or of words alone."""
    bundle = open_language_bundle(path)
    name = bundle.manifest["backbone"]
    if branch not in (None, name):
        raise ConfigError(f"--branch {branch}: {path} has {name}. Leave it out.")
    start_tensorflow()
    return TokenVectors(path, name, bundle.tokenizer, embedding_of(load_model(bundle.path)).embeddings.numpy())


def open_vectors(path: Path, *, branch: str | None = None) -> TokenVectors:
    """Take the vectors of tokens out of the model of a run or bundle.

    Args:
        path: The run or bundle.
        branch: Which branch of the model; the first that reads tokens by default. Of several trainings of one branch the first is meant,
            unless its number is given: conv-2.

    Raises:
        BundleError: It is of another format, or no branch has such vectors.
        ConfigError: There is no such branch.
    """
    place, manifest = find_bundle(path)
    if manifest.get("task") == LANGUAGE_MODEL:
        return _of_language_model(path, branch)
    bundle = open_bundle(place)
    _check_format(bundle)
    readers = [name for name in _member_names(bundle) if name != "bag"]
    if not readers:
        raise BundleError(f"{path}: its only branch is bag, which has no vectors of tokens. Name a run with another one, such as --backbone conv.")
    chosen = next((name for name in readers if branch in (None, name, name.rpartition("-")[0])), None)
    if chosen is None:
        raise ConfigError(f"--branch {branch}: {path} has {', '.join(readers)}.{hint(str(branch), readers)} Name one of them, or leave it out.")
    start_tensorflow()
    member = _members(load_model(bundle.path))[_member_names(bundle).index(chosen)]
    return TokenVectors(path, chosen, bundle.tokenizer, embedding_of(member).embeddings.numpy())


def _check_format(bundle: Bundle) -> None:
    """Refuse a model whose layers cannot be looked into."""
    if bundle.manifest["format"] == KerasFormat.name:
        return
    run = bundle.path.parent / "run"  # where commands without --out put it
    where = f", such as {run}" if (run / "bundle" / MANIFEST).is_file() else ""
    raise BundleError(
        f"{bundle.path} is in format {bundle.manifest['format']}, which does not show its vectors. Name the run it was exported from{where}."
    )


def _member_names(bundle: Bundle) -> list[str]:
    """Return the members of a model in their order, as a training names them."""
    settings = bundle.settings["finetune"]
    times = settings.get("ensemble") or 1
    return [
        name if times == 1 or name == "bag" else f"{name}-{place + 1}"
        for name in settings["backbone"].split("+")
        for place in range(1 if name == "bag" else times)
    ]


def _members(model: Any) -> list[Any]:
    """Return the members of a `keras.Model`; one that has none, of an earlier release, is its own."""
    members = {int(layer.name.removeprefix("member_")): layer for layer in model.layers if layer.name.startswith("member_")}
    return [members[number] for number in sorted(members)] or [model]

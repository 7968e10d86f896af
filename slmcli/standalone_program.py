"""Say what a trained model says of texts, without slm: the parts of which a folder's predict.py is made (`standalone`)."""

import argparse
import base64
import contextlib
import hashlib
import json
import os
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, Protocol  # Any: JSON documents, objects of the packages that compute

import numpy as np

from slmcli.ngrams import PretokenHashes, buckets_of
from slmcli.runtime import quiet_stderr
from slmcli.subword_models import byte_alphabet, load

UNKNOWN_ID, FIRST_ID = 1, 6  # of a vocabulary: what it lacks, and the first that is no special token
HERE = Path(__file__).resolve().parent


class Step(Protocol):
    """One step of cleaning."""

    def apply(self, text: str) -> str:
        """Return the text after the step."""


@dataclass(frozen=True)
class Parts:
    """What this model is made of.

    Attributes:
        steps: What happens to a text first.
        split: A cleaned text to its words, or what stands for them.
        pieces: The tokenizer's document to a function from such a word to its token ids.
        ngrams: The n-grams' document to a function from such words to the ids of their n-grams; None where none are read.
        load: The folder and a number of threads to a function from features to outputs.
        say: One example's outputs, the labels and what was learned beside the weights, to the answer.
        fields: Names of the texts that are read together.
        features: Names of what the model reads of them.
    """

    steps: Sequence[Step]
    split: Callable[[str], list[str]]
    pieces: Callable[[Mapping[str, Any]], Callable[[str], list[int]]]
    ngrams: Callable[[Mapping[str, Any]], Callable[[Sequence[str]], list[int]]] | None
    load: Callable[[Path, int], Callable[[Mapping[str, np.ndarray]], np.ndarray]]
    say: Callable[[np.ndarray, Sequence[str], Mapping[str, Any]], dict[str, Any]]
    fields: Sequence[str]
    features: Sequence[str]


class ProblemError(Exception):
    """What a user can mend; the text says how."""


class Model:
    """The model of a folder.

    Args:
        parts: What it is made of.
        directory: The folder.
        threads: Threads that compute; 0: one for each processor.
    """

    def __init__(self, parts: Parts, directory: Path = HERE, *, threads: int = 0) -> None:
        check_files(directory)
        self.parts = parts
        settings, tokenizer = read_json(directory / "settings.json"), read_json(directory / "tokenizer.json")
        self.labels: list[str] = read_json(directory / "labels.json")["labels"]
        self.learned: dict[str, Any] = settings.get("learned", {})
        self._encoding: dict[str, Any] = settings["encoding"]
        self._length: int | None = settings["length"]
        self._pieces = lru_cache(maxsize=100_000)(parts.pieces(tokenizer))
        self._ngram_ids = parts.ngrams(read_json(directory / "ngrams.json")) if parts.ngrams else None
        self._forward = parts.load(directory, threads)

    def predict(self, texts: Sequence[str | Mapping[str, str]], *, batch_size: int = 64) -> list[dict[str, Any]]:
        """Return an answer for each text, or for each dictionary of texts that are read together."""
        encoded = [self.encode(text) for text in texts]
        answers: list[dict[str, Any]] = [{}] * len(encoded)
        order = sorted(range(len(encoded)), key=lambda row: max(map(len, encoded[row].values())))  # similar lengths share a batch
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            for row, outputs in zip(rows, self._forward(self._batch([encoded[row] for row in rows])), strict=True):
                answers[row] = self.parts.say(outputs, self.labels, self.learned)
        return answers

    def encode(self, text: str | Mapping[str, str]) -> dict[str, list[int]]:
        """Return the ids of each feature."""
        texts = [text] if isinstance(text, str) else [text.get(field) or "" for field in self.parts.fields]
        found: dict[str, list[int]] = {}
        for name, each in zip(("token_ids", "pair_token_ids"), texts, strict=False):
            pretokens = self.parts.split(self.clean(each))
            found[name] = self._cut([token_id for pretoken in pretokens for token_id in self._pieces(pretoken)])
            if self._ngram_ids:
                found["ngram_ids"] = self._ngram_ids(pretokens)
        return found

    def clean(self, text: str) -> str:
        """Return a text after the steps of cleaning."""
        for step in self.parts.steps:
            text = step.apply(text)
        return text

    def _cut(self, token_ids: list[int]) -> list[int]:
        """Keep as many tokens as the model was trained with, from the part of the text that it was trained with."""
        length, where = self._encoding["max_length"], self._encoding["truncation"]
        if len(token_ids) <= length or where == "head":
            return token_ids[:length]
        head = length // 4 if where == "head_tail" else 0
        return token_ids[:head] + token_ids[len(token_ids) - (length - head) :]

    def _batch(self, encoded: Sequence[Mapping[str, list[int]]]) -> dict[str, np.ndarray]:
        """Return each feature as (batch, length) int32, with zeros at the end."""
        batch = {}
        for name in self.parts.features:
            fixed = None if name == "ngram_ids" else self._length
            batch[name] = np.zeros((len(encoded), fixed or max(1, *(len(each[name]) for each in encoded))), np.int32)
            for row, each in zip(batch[name], encoded, strict=True):
                row[: len(each[name])] = each[name][: len(row)]
        return batch


def known_ngrams(document: Mapping[str, Any]) -> Callable[[Sequence[str]], list[int]]:
    """Return a function that gives the ids of the different n-grams of a text that the model knows, in rising order."""
    steps = np.frombuffer(zlib.decompress(base64.b64decode(document["bucket_steps"])), "<u4")
    known, order = np.cumsum(steps, dtype=np.int64).astype(np.uint32), document["order"]

    def ids(pretokens: Sequence[str]) -> list[int]:
        words = PretokenHashes.of(pretokens, subwords=False).words
        inside = [PretokenHashes.of(sorted(set(pretokens)), subwords=True).subwords] if document["subwords"] else []
        buckets = np.intersect1d(buckets_of(words, inside, order), known, assume_unique=True)
        return (np.searchsorted(known, buckets) + 1).tolist()

    return ids


def known_words(document: Mapping[str, Any]) -> Callable[[str], list[int]]:
    """Return a function that gives the id of a word."""
    ids = {word: number for number, word in enumerate(document["vocabulary"]) if number >= FIRST_ID}
    return lambda word: [ids.get(word, UNKNOWN_ID)]


def known_characters(document: Mapping[str, Any]) -> Callable[[str], list[int]]:
    """Return a function that gives the ids of the characters of a word."""
    ids = {character: number for number, character in enumerate(document["vocabulary"]) if number >= FIRST_ID}
    return lambda word: [ids.get(character, UNKNOWN_ID) for character in word]


def utf8_bytes(document: Mapping[str, Any]) -> Callable[[str], list[int]]:
    """Return a function that gives the ids of the bytes of a word."""
    return lambda word: [byte + FIRST_ID for byte in word.encode("utf-8")]


def subword_pieces(document: Mapping[str, Any]) -> Callable[[str], list[int]]:
    """Return a function that gives the ids of the pieces of a word."""
    model = load(document["model"])
    return lambda word: [token.id for token in model.tokenize(word)] or [UNKNOWN_ID]


def byte_pairs(document: Mapping[str, Any]) -> Callable[[str], list[int]]:
    """Return a function that gives the ids of the pieces of a word, which are made of bytes."""
    model, alphabet = load(document["model"]), byte_alphabet()
    return lambda word: [token.id for token in model.tokenize("".join(alphabet[byte] for byte in word.encode("utf-8")))] or [UNKNOWN_ID]


def jieba_words(text: str) -> list[str]:
    """Split a text into the words of jieba's dictionary and what stands between them."""
    return [word for word in _segmenter().lcut(text) if not word.isspace()]


@lru_cache(maxsize=1)
def _segmenter() -> Any:
    import logging

    import jieba

    jieba.setLogLevel(logging.ERROR)
    return jieba.Tokenizer()


def load_litert(directory: Path, threads: int) -> Callable[[Mapping[str, np.ndarray]], np.ndarray]:
    """Return a function that computes model.tflite."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise ProblemError(f"the package ai-edge-litert is missing ({error}). Run: pip install -r {directory / 'requirements.txt'}") from error
    with quiet_stderr():  # the runtime announces its delegate
        interpreter = Interpreter(model_path=str(directory / "model.tflite"), num_threads=threads or os.cpu_count())
        interpreter.allocate_tensors()
    places = {name: details["index"] for name, details in interpreter.get_signature_runner().get_input_details().items()}
    output = interpreter.get_output_details()[0]["index"]

    def forward(features: Mapping[str, np.ndarray]) -> np.ndarray:
        for name, place in places.items():
            interpreter.resize_tensor_input(place, features[name].shape)
        interpreter.allocate_tensors()
        for name, place in places.items():
            interpreter.set_tensor(place, features[name])
        interpreter.invoke()
        return interpreter.get_tensor(output).copy()

    return forward


def load_onnx(directory: Path, threads: int) -> Callable[[Mapping[str, np.ndarray]], np.ndarray]:
    """Return a function that computes model.onnx."""
    try:
        import onnxruntime
    except ImportError as error:
        raise ProblemError(f"the package onnxruntime is missing ({error}). Run: pip install -r {directory / 'requirements.txt'}") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.disable_quant_qdq", "1")  # weights of 8 bits become float32 once, at the start
    session = onnxruntime.InferenceSession(str(directory / "model.onnx"), options, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]
    return lambda features: session.run(None, {name: features[name] for name in names})[0]


def say_label(outputs: np.ndarray, labels: Sequence[str], learned: Mapping[str, Any]) -> dict[str, Any]:
    """Return the one label that fits best, its probability, and those of all."""
    powers = np.exp(outputs - outputs.max())
    scores = powers / powers.sum()
    chosen = int(scores.argmax()) if "threshold" not in learned else int(scores[1] >= learned["threshold"])
    named = {label: round(float(score), 6) for label, score in zip(labels, scores, strict=True)}
    return {"label": labels[chosen], "score": named[labels[chosen]], "scores": named}


def say_labels(outputs: np.ndarray, labels: Sequence[str], learned: Mapping[str, Any]) -> dict[str, Any]:
    """Return the labels that fit, each by itself, and the probabilities of all."""
    scores = 0.5 + 0.5 * np.tanh(0.5 * outputs)
    fits = scores >= np.array(learned.get("thresholds", 0.5))
    named = {label: round(float(score), 6) for label, score in zip(labels, scores, strict=True)}
    return {"labels": [label for label, is_chosen in zip(labels, fits, strict=True) if is_chosen], "scores": named}


def say_number(outputs: np.ndarray, labels: Sequence[str], learned: Mapping[str, Any]) -> dict[str, Any]:
    """Return a number, and the nearest whole one where training had few of them."""
    number = float(outputs[0]) * learned.get("scale", 1.0) + learned.get("mean", 0.0)
    if "steps" not in learned:
        return {"score": round(number, 6)}
    steps = np.array(learned["steps"])
    number = float(np.clip(number, steps[0], steps[-1]))
    return {"label": int(steps[np.abs(number - steps).argmin()]), "score": round(number, 6)}


def check_files(directory: Path) -> None:
    """See that every file of the folder is there and is what was written."""
    for name, expected in read_json(directory / "manifest.json")["files"].items():
        if name != Path(name).name:
            raise ProblemError(f"{directory / 'manifest.json'} names {name!r}, which is no file of the folder. Copy the whole folder again.")
        path = directory / name
        if not path.is_file():
            raise ProblemError(f"{path} is missing. Copy the whole folder again.")
        if hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            raise ProblemError(f"{path} is not what was written. Copy the whole folder again.")


def read_json(path: Path) -> Any:
    """Return what stands in a file of JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ProblemError(f"{path} cannot be read ({error}). Copy the whole folder again.") from error


def examples_of(options: argparse.Namespace, fields: Sequence[str]) -> Iterator[str | dict[str, str]]:
    """Yield the texts of the command line, or those of a file of lines, of which those of .jsonl are objects."""
    if options.texts:
        if len(options.texts) % len(fields):
            raise ProblemError(f"{len(fields)} texts are read together ({', '.join(fields)}), and {len(options.texts)} were given.")
        rows = zip(*[iter(options.texts)] * len(fields), strict=True)
        yield from (dict(zip(fields, row, strict=True)) for row in rows)
        return
    are_objects = options.input.endswith(".jsonl") or len(fields) > 1
    with _open(options.input) as lines:
        for number, line in enumerate(lines, start=1):
            yield _read_line(line, fields, f"{options.input}:{number}", is_object=are_objects)


def _open(path: str) -> Any:
    """Return a file of text, or standard input for -."""
    if path != "-":
        return Path(path).open(encoding="utf-8-sig")
    sys.stdin.reconfigure(encoding="utf-8-sig")  # type: ignore[union-attr]
    return contextlib.nullcontext(sys.stdin)


def _read_line(line: str, fields: Sequence[str], place: str, *, is_object: bool) -> str | dict[str, str]:
    if not is_object:
        return line.rstrip("\n")
    try:
        values = json.loads(line)
        return {field: values[field] for field in fields}
    except (ValueError, KeyError, TypeError) as error:
        raise ProblemError(f"{place}: not an object with {', '.join(map(repr, fields))} ({error}). Write one JSON object a line.") from error


def main(parts: Parts, arguments: Sequence[str] | None = None) -> int:
    """Print an answer a line; return the exit code."""
    parser = argparse.ArgumentParser(description="Print what the model of this folder says of texts, one JSON object a line.")
    parser.add_argument("texts", nargs="*", metavar="TEXT", help=f"read together: {', '.join(parts.fields)}" if len(parts.fields) > 1 else "a text")
    parser.add_argument("--input", metavar="FILE", help="a text a line, or objects in a file that ends in .jsonl; - for standard input")
    parser.add_argument("--threads", type=int, default=0, help="threads that compute; 0: one for each processor")
    options = parser.parse_args(arguments)
    if bool(options.texts) == bool(options.input):
        parser.error("give texts, or --input FILE")
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    try:
        model, remaining = Model(parts, threads=options.threads), examples_of(options, parts.fields)
        while batch := list(islice(remaining, 256)):
            for answer in model.predict(batch):
                sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
            sys.stdout.flush()
    except (ProblemError, OSError, UnicodeError) as error:
        sys.stderr.write(f"Error: {error}\n")
        return 3
    return 0

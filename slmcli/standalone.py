"""A folder that needs nothing of slm: beside the bundle's files one readable program for this very model."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any  # Any: predictions as JSON

from slmcli import cleaning, standalone_program
from slmcli.bundle import Bundle
from slmcli.errors import ConfigError, GateError
from slmcli.files import write_text
from slmcli.inlining import imports_of, inline
from slmcli.predictor import Predictor
from slmcli.pretokens import LOSSLESS_PATTERN, WORD_PATTERN
from slmcli.tokenizers.word import WORDPUNCT_PATTERN

PROGRAM, REQUIREMENTS = "predict.py", "requirements.txt"
# format to the function that loads its file, and the package that it needs
_LOADERS = {"litert": ("load_litert", "ai-edge-litert>=2.0"), "onnx": ("load_onnx", "onnxruntime>=1.20")}
# tokenizer to the function of its pieces, and the package that it needs
_PIECES = {
    "word": ("known_words", ""),
    "chinese": ("known_words", "jieba>=0.42"),
    "character": ("known_characters", ""),
    "byte": ("utf8_bytes", ""),
    "bpe": ("byte_pairs", "tokenizers>=0.20"),
    "wordpiece": ("subword_pieces", "tokenizers>=0.20"),
    "unigram": ("subword_pieces", "tokenizers>=0.20"),
}
_WORDS = {"regexp": WORD_PATTERN, "wordpunct": WORDPUNCT_PATTERN}
_ANSWERS = {"softmax": "say_label", "sigmoid": "say_labels", "square": "say_number"}
# of classes that come from the package, what predict.py has no use for
_UNUSED_METHODS = ("moves", "buckets", "_subwords_of")
# our choice: both round probabilities to six decimals, and may round a last bit otherwise
_TOLERANCE = 2e-6


def check_standalone(bundle: Bundle, format_name: str) -> None:
    """Refuse a model of which no program of its own can be made, before anything is computed.

    Raises:
        ConfigError: Its format, tokenizer, or a step of its cleaning needs more than the folder can hold.
    """
    tokenizer = bundle.tokenizer
    if format_name not in _LOADERS:
        raise ConfigError(f"--standalone has no use for format {format_name}, which needs TensorFlow. Pass --format {' or '.join(_LOADERS)}.")
    if tokenizer.name not in _PIECES:
        raise ConfigError(f"--standalone cannot hold tokenizer {tokenizer.name}. Preprocess with one of {', '.join(_PIECES)}.")
    if tokenizer.name == "word" and tokenizer.settings.splitter not in (*_WORDS, "space"):
        known = ", ".join([*_WORDS, "space"])
        raise ConfigError(f"--standalone cannot hold splitter {tokenizer.settings.splitter}, which is NLTK's. Preprocess with --splitter {known}.")
    if lacking := [step for step in tokenizer.cleaning.cleaning if not _is_known(step)]:
        raise ConfigError(
            f"--standalone cannot hold cleaning step {lacking[0]}, which needs lists of words of other packages. Preprocess without it."
        )


def write_program(directory: Path, bundle: Bundle) -> None:
    """Write predict.py and requirements.txt into the directory of a bundle."""
    write_text(directory / PROGRAM, program_of(bundle))
    packages = ["numpy>=1.26", _LOADERS[bundle.format.name][1], _PIECES[bundle.tokenizer.name][1]]
    write_text(directory / REQUIREMENTS, "".join(f"{package}\n" for package in packages if package))


def program_of(bundle: Bundle) -> str:
    """Return the program of a model: what it needs of this package, and what it is made of."""
    steps = [part for step in ("SURROGATES", *bundle.tokenizer.cleaning.cleaning) for part in _expressions(step)]
    roots = [("slmcli.character_cleaning", part.split("(")[0]) for part in steps]
    parts = {
        "steps": _tuple(steps),
        "split": _split_of(bundle),
        "pieces": _PIECES[bundle.tokenizer.name][0],
        "ngrams": "known_ngrams" if bundle.ngrams is not None else "None",
        "load": _LOADERS[bundle.format.name][0],
        "say": _ANSWERS[bundle.task.output_loss],
        "fields": _texts(field.name for field in bundle.task.fields if not field.is_target),
        "features": _texts(bundle.task.input_features),
    }
    own = ["Model", "main", *(parts[name] for name in ("split", "pieces", "ngrams", "load", "say"))]
    found = inline([*roots, *((standalone_program.__name__, name) for name in own)], without=_UNUSED_METHODS)
    pattern = _pattern_of(bundle)
    imports = {*found.imports, *([("re", "")] if pattern else [])}
    words = f'WORDS = re.compile(\n    r"{pattern}"\n)\n' if pattern else ""
    wiring = "\n".join(f"    {name}={value}," for name, value in parts.items())
    return f'''"""{_HEAD.format(task=bundle.task.name, loss=_OUTPUT[bundle.task.output_loss])}"""

{imports_of(imports)}


{found.source()}


{words}PARTS = Parts(
{wiring}
)


def open_model(directory: Path = HERE, *, threads: int = 0) -> Model:
    """Return the model of the folder in which this file stands, or of a copy."""
    return Model(PARTS, directory, threads=threads)


if __name__ == "__main__":
    sys.exit(main(PARTS))
'''


_HEAD = """\
What a {task} model says of texts: {loss}.

    python predict.py "a text"                 an answer, one JSON object a line
    python predict.py --input texts.txt        a text a line; objects in a file that ends in .jsonl; - for standard input

    from predict import open_model
    open_model().predict(["a text", "another"])

It needs Python 3.11 and what stands in requirements.txt. Text becomes ids here as it did when the model was trained: what cleaning does,
how words are found, which ids they have. Change nothing of that.
"""
_OUTPUT = {
    "softmax": "one label, its probability, and those of all labels",
    "sigmoid": "the labels that fit, and the probabilities of all",
    "square": "a number",
}


def _split_of(bundle: Bundle) -> str:
    """Return how a cleaned text is split, as Python."""
    if bundle.tokenizer.name == "chinese":
        return "jieba_words"
    return "WORDS.findall" if _pattern_of(bundle) else "str.split"


def _pattern_of(bundle: Bundle) -> str:
    """Return the pattern of what a text is split into; empty where it is split otherwise."""
    name, splitter = bundle.tokenizer.name, bundle.tokenizer.settings.splitter
    if name == "chinese" or (name == "word" and splitter == "space"):
        return ""
    if name in ("word", "wordpiece"):
        return _WORDS[splitter] if name == "word" else WORD_PATTERN
    return LOSSLESS_PATTERN


def _texts(names: Iterable[str]) -> str:
    """Return a tuple of texts, as Python."""
    return _tuple([json.dumps(name) for name in names])


def _tuple(parts: Sequence[str]) -> str:
    return f"({', '.join(parts)})" if len(parts) > 1 else f"({parts[0]},)"


def _is_known(step: str) -> bool:
    return step in _steps() or step.partition(":")[0] in ("repeats", "accents")


def _expressions(step: str) -> list[str]:
    """Return the parts of a cleaning step, as Python."""
    name, _, argument = step.partition(":")
    if name == "repeats":
        return [f"repeats({argument or 3})"]
    return ["accents()"] if name == "accents" else _steps().get(name, [name])


@cache
def _steps() -> dict[str, list[str]]:
    """Return the parts of each cleaning step that takes no argument, as they stand in the source of `cleaning`."""
    tree = ast.parse(Path(cleaning.__file__).read_text(encoding="utf-8"))
    tables = {ast.unparse(node.target): node.value for node in tree.body if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Dict)}
    table = tables["_WITHOUT_ARGUMENT"]
    pairs = zip(table.keys, table.values, strict=True)
    return {ast.literal_eval(key): [_part(part) for part in value.elts] for key, value in pairs if key and isinstance(value, ast.Tuple)}


def _part(node: ast.expr) -> str:
    return ast.unparse(node).removeprefix("characters.").replace("'", '"')


def check_program(directory: Path, predictor: Predictor, inputs: Sequence[Mapping[str, Any]]) -> None:
    """Let the program answer in a process of its own, and compare.

    Args:
        directory: The folder.
        predictor: What it must equal.
        inputs: Texts by the names of their fields.

    Raises:
        GateError: It says something else.
    """
    names = [field.name for field in predictor.bundle.task.fields if not field.is_target]
    inputs, expected = [{name: each.get(name) or "" for name in names} for each in inputs], predictor.predict(inputs)
    lines = "".join(json.dumps(each, ensure_ascii=True) + "\n" for each in inputs)
    path = directory / ".texts.jsonl"
    write_text(path, lines)
    try:
        done = subprocess.run(  # noqa: S603  (this Python and our own program)
            [sys.executable, "-I", str(directory / PROGRAM), "--input", str(path)], capture_output=True, text=True, encoding="utf-8", check=False
        )
    finally:
        path.unlink()
    found = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode or len(found) != len(expected):
        raise GateError(f"{PROGRAM} ended with exit code {done.returncode} ({done.stderr.strip()[-300:]}). Nothing was kept; please report this.")
    for text, one, other in zip(inputs, found, expected, strict=True):
        if not is_same_answer(one, other):
            raise GateError(f"{PROGRAM} says {one} of {str(text)[:80]!r}, the bundle {other}. Nothing was kept; please report this.")


def is_same_answer(one: Any, other: Any) -> bool:
    """Say whether two predictions are equal but for the rounding of numbers."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(is_same_answer(value, other[name]) for name, value in one.items())
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= _TOLERANCE * max(1.0, abs(other))
    return bool(one == other)

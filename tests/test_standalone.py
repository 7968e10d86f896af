import dataclasses
import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hard_texts import HARD

from slmcli.bundle import Bundle
from slmcli.cleaning import clean
from slmcli.cleaning_steps import CLEANING_STEPS
from slmcli.config import CleaningSettings, EncodingSettings, ExportSettings, TokenizerSettings
from slmcli.errors import ConfigError, GateError
from slmcli.exporting import export
from slmcli.ngrams import NgramForm, NgramVocabulary, PretokenHashes, count_buckets, encode_example
from slmcli.predictor import open_predictor
from slmcli.reading import Example
from slmcli.standalone import PROGRAM, check_program, check_standalone, is_same_answer, program_of
from slmcli.tasks import TASKS
from slmcli.tokenizers import TOKENIZERS

STEPS = [{"repeats": "repeats:2"}.get(name, name) for name in CLEANING_STEPS if name not in ("stopwords", "stem", "simplified", "traditional")]
DEFAULT = ["markup", "nfkc", "lowercase", "whitespace"]


def make_bundle(
    name: str, *, steps: Sequence[str] = DEFAULT, task: str = "sentiment", learned: Any = None, ngrams: Any = None, **values: Any
) -> Bundle:
    """Return a bundle without a model, whose tokenizer has seen the hard texts."""
    tokenizer = TOKENIZERS.load(name).train(
        HARD * 3, TokenizerSettings(tokenizer=name, min_frequency=1, vocabulary_size=400, **values), CleaningSettings(cleaning=list(steps))
    )
    settings = {"encoding": EncodingSettings(max_length=40).model_dump(), "length": None, "learned": learned or {}}
    made = TASKS.load(task)([] if task in ("score", "similarity") else ["bad", "good"], learned)
    return Bundle(Path("none"), {"format": "litert", "files": {}}, settings, made, tokenizer, ngrams)


def open_program(bundle: Bundle, place: Path) -> Any:
    """Write the folder of a bundle without a model; return the program's model, whose outputs are its features."""
    documents = {
        "settings": bundle.settings,
        "labels": {"labels": bundle.task.labels},
        "tokenizer": bundle.tokenizer.to_json(),
        "manifest": bundle.manifest,
    }
    documents |= {} if bundle.ngrams is None else {"ngrams": bundle.ngrams.to_json()}
    for name, document in documents.items():
        (place / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    module = load_program(bundle, place)
    return module.Model(dataclasses.replace(module.PARTS, load=lambda directory, threads: lambda features: features), place)


def load_program(bundle: Bundle, place: Path) -> Any:
    (place / PROGRAM).write_text(program_of(bundle), encoding="utf-8")
    found = importlib.util.spec_from_file_location("standalone_predict", place / PROGRAM)
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[found.name] = module  # dataclasses look there for the module of a class
    found.loader.exec_module(module)
    return module


def ours(bundle: Bundle, text: str) -> dict[str, list[int]]:
    features = encode_example(Example({"text": text}, "", 0), bundle.task, bundle.tokenizer, bundle.encoding, bundle.ngrams)
    return {name: values.tolist() for name, values in features.items()}


TOKENIZED = [
    ("word", {}),
    ("word", {"splitter": "wordpunct"}),
    ("word", {"splitter": "space"}),
    *((name, {}) for name in ("character", "byte", "bpe", "wordpiece", "unigram", "chinese")),
]


@pytest.mark.parametrize(("name", "values"), TOKENIZED, ids=[values.get("splitter", name) for name, values in TOKENIZED])
def test_the_program_has_the_ids_of_the_tokenizer(name: str, values: dict[str, Any], tmp_path: Path) -> None:
    bundle = make_bundle(name, **values)
    model = open_program(bundle, tmp_path)
    assert [model.encode(text) for text in HARD] == [ours(bundle, text) for text in HARD]


@pytest.mark.parametrize("step", STEPS)
def test_the_program_cleans_as_we_do(step: str, tmp_path: Path) -> None:
    bundle = make_bundle("byte", steps=[step])
    model = open_program(bundle, tmp_path)
    assert [model.clean(text) for text in HARD] == [clean(text, bundle.tokenizer.cleaning) for text in HARD]


def test_no_step_is_no_step(tmp_path: Path) -> None:
    assert open_program(make_bundle("byte", steps=[]), tmp_path).clean(" <b>A") == " <b>A"


@pytest.mark.parametrize("subwords", [False, True], ids=["words", "subwords"])
@pytest.mark.parametrize("order", [1, 3])
def test_the_program_has_the_same_ngrams(order: int, subwords: bool, tmp_path: Path) -> None:
    plain, form = make_bundle("word"), NgramForm(order, subwords)
    pretokens = [plain.tokenizer.tokenize(text) for text in HARD[:4]]
    hashed = [PretokenHashes.of(each, subwords=subwords).buckets(np.arange(len(each)), order) for each in pretokens]
    found, _ = count_buckets(hashed)
    bundle = make_bundle("word", ngrams=NgramVocabulary(form, found[::2]))
    model = open_program(dataclasses.replace(bundle, task=bundle.task.with_inputs(["ngram_ids", "token_ids"])), tmp_path)
    assert [model.encode(text) for text in HARD] == [ours(bundle, text) for text in HARD]


@pytest.mark.parametrize("truncation", ["head", "tail", "head_tail"])
def test_the_program_cuts_long_texts_alike(truncation: str, tmp_path: Path) -> None:
    bundle = make_bundle("byte")
    bundle.settings["encoding"] = {"max_length": 7, "truncation": truncation}
    assert open_program(bundle, tmp_path).encode(HARD[0]) == ours(bundle, HARD[0])


@pytest.mark.parametrize(
    ("task", "learned"),
    [
        ("sentiment", None),
        ("sentiment", {"threshold": 0.7}),
        ("multilabel", None),
        ("multilabel", {"thresholds": [0.2, 0.8]}),
        ("score", {"mean": 2.0, "scale": 1.5}),
        ("score", {"mean": 2.0, "scale": 1.5, "steps": [1, 2, 3]}),
    ],
)
def test_the_program_answers_as_the_task_does(task: str, learned: dict[str, Any] | None, tmp_path: Path) -> None:
    bundle = make_bundle("byte", task=task, learned=learned)
    module, outputs = load_program(bundle, tmp_path), np.array([[0.3, 1.0], [-4.0, 2.5], [5.0, -1.0]], np.float32)[:, : bundle.task.width]
    said = [module.PARTS.say(row, bundle.task.labels, bundle.task.learned) for row in outputs]
    assert is_same_answer(said, [bundle.task.decode(row) for row in bundle.task.probabilities(outputs)])


@pytest.mark.parametrize(
    ("make", "name", "message"),
    [
        (lambda: make_bundle("byte"), "keras", r"--standalone has no use for format keras, which needs TensorFlow\. Pass --format litert or onnx\."),
        (
            lambda: make_bundle("word", splitter="tweet"),
            "litert",
            r"cannot hold splitter tweet, which is NLTK's\. Preprocess with --splitter regexp, wordpunct, space\.",
        ),
        (
            lambda: make_bundle("byte", steps=["stem"]),
            "onnx",
            r"cannot hold cleaning step stem, which needs lists of words of other packages\. Preprocess without it\.",
        ),
    ],
    ids=["format", "splitter", "step"],
)
def test_what_a_folder_cannot_hold_is_refused(make: Callable[[], Bundle], name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_standalone(make(), name)


def test_a_tokenizer_of_others_is_refused(foreign_tokenizer: Path) -> None:
    from slmcli.tokenizers.huggingface import HuggingFaceTokenizer

    document = json.loads(foreign_tokenizer.read_text(encoding="utf-8"))
    tokenizer = HuggingFaceTokenizer.from_document(document, CleaningSettings(cleaning=[]), source="x")
    with pytest.raises(ConfigError, match=rf"--standalone cannot hold tokenizer {tokenizer.name}\. Preprocess with one of word, chinese"):
        check_standalone(dataclasses.replace(make_bundle("byte"), tokenizer=tokenizer), "litert")


@pytest.fixture(scope="module")
def folder(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("standalone") / "folder"
    export(run, ExportSettings(standalone=True), out, dataset=None, overwrite=False)
    return out


def call(folder: Path, *arguments: str, text: str = "") -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-I", str(folder / PROGRAM), *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, encoding="utf-8", cwd="/", check=False)


def test_the_folder_answers_as_the_bundle_does(folder: Path) -> None:
    texts = ["our host was kind", "the soup was stale", "", "房间 <br> 😊"]
    found = [json.loads(line) for line in call(folder, *texts).stdout.splitlines()]
    assert is_same_answer(found, open_predictor(folder).predict(texts))


def test_the_folder_imports_nothing_of_ours(folder: Path) -> None:
    use = "import sys; sys.path.insert(0, sys.argv[1]); import predict; predict.open_model().predict(['a'])"
    code = f"{use}; print({{'slmcli', 'tensorflow', 'keras'}} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-I", "-c", code, str(folder)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


LINES = {
    "texts.txt": "\ufeffour host was kind\r\nthe soup was stale\r\n",
    "texts.jsonl": '{"text": "our host was kind"}\n{"text": "the soup was stale"}\n',
}


@pytest.mark.parametrize(("name", "content"), LINES.items(), ids=LINES)
def test_lines_of_a_file_are_read(name: str, content: str, folder: Path, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content.encode("utf-8"))
    assert [json.loads(line)["label"] for line in call(folder, "--input", str(tmp_path / name)).stdout.splitlines()] == ["good", "bad"]


def test_standard_input_is_read(folder: Path) -> None:
    assert json.loads(call(folder, "--input", "-", text="our host was kind\n").stdout)["label"] == "good"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "give texts, or --input FILE"),
        (("--input", "/nowhere.txt"), 3, "No such file or directory: '/nowhere.txt'"),
        (("--threads", "x", "a"), 2, "argument --threads: invalid int value: 'x'"),
    ],
)
def test_what_cannot_be_read_is_said_in_a_line(arguments: tuple[str, ...], code: int, message: str, folder: Path) -> None:
    done = call(folder, *arguments)
    assert (done.returncode, message in done.stderr, "Traceback" in done.stderr) == (code, True, False)


def test_a_line_that_is_no_object_is_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "texts.jsonl").write_text('{"text": "a"}\n[1]\n', encoding="utf-8")
    done = call(folder, "--input", str(tmp_path / "texts.jsonl"))
    assert done.returncode == 3
    assert "texts.jsonl:2: not an object with 'text'" in done.stderr


def test_a_folder_that_was_edited_is_refused(folder: Path, tmp_path: Path) -> None:
    import shutil

    copied = Path(shutil.copytree(folder, tmp_path / "copied"))
    (copied / "labels.json").write_text("{}", encoding="utf-8")
    done = call(copied, "a")
    assert (done.returncode, done.stdout) == (3, "")
    assert "labels.json is not what was written. Copy the whole folder again." in done.stderr


def test_a_program_that_says_something_else_is_found(folder: Path, tmp_path: Path) -> None:
    import shutil

    copied = Path(shutil.copytree(folder, tmp_path / "copied"))
    text = (copied / PROGRAM).read_text(encoding="utf-8")
    (copied / PROGRAM).write_text(text.replace("UNKNOWN_ID, FIRST_ID = 1, 6", "UNKNOWN_ID, FIRST_ID = 1, 60"), encoding="utf-8")
    manifest = json.loads((copied / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"].pop(PROGRAM)
    (copied / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(
        GateError, match=r"predict\.py says .* of .*our host was kind.*, the bundle .*'good'.* Nothing was kept; please report this\."
    ):
        check_program(copied, open_predictor(folder), [{"text": "our host was kind", "label": "good"}])


def test_a_program_that_fails_is_found(folder: Path, tmp_path: Path) -> None:
    (tmp_path / PROGRAM).write_text("import sys; sys.exit('no')", encoding="utf-8")
    with pytest.raises(GateError, match=r"predict\.py ended with exit code 1 \(no\)\. Nothing was kept; please report this\."):
        check_program(tmp_path, open_predictor(folder), [{"text": "a", "label": None}])


def test_what_a_folder_needs_is_written_down(folder: Path) -> None:
    assert (folder / "requirements.txt").read_text(encoding="utf-8").splitlines() == ["numpy>=1.26", "ai-edge-litert>=2.0"]

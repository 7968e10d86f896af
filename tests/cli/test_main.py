"""The bare commands, one after the other, in an empty folder; what each prints and where it writes."""

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from slmcli.cli.main import main

FAST = ("--epochs", "1", "--filters", "4", "--embedding", "4", "--no-tensorboard")


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Result]]:
    """The commands without any data, as a new user types them, and their results."""
    place = tmp_path_factory.mktemp("empty")
    commands: dict[str, list[str]] = {
        "preprocess": ["preprocess"],
        "finetune": ["finetune", "--task", "sentiment", *FAST],
        "evaluate": ["evaluate"],
        "export": ["export"],
        "predict": ["predict", "Two hours flew by."],
    }
    work = ["--work", str(place / "work")]
    return place, {name: CliRunner().invoke(main, [*words, *work, "--json"]) for name, words in commands.items()}


FIELDS = {
    "preprocess": {"dataset", "examples", "vocabulary_size", "tokens", "seconds", "fingerprint"},
    "finetune": {
        "run", "bundle", "epochs", "steps", "seconds", "examples_per_second", "tokens_per_second", "parameters", "trainable_parameters", "scores",
    },
    "evaluate": {"task", "split", "examples", "scores", "intervals", "baselines", "examples_per_second", "report"},
    "export": {"bundle", "format", "bytes", "parity"},
    "predict": {"predictions"},
}  # fmt: skip


@pytest.mark.parametrize("name", FIELDS)
def test_bare_commands_work_and_print_one_json_object(name: str, chain: tuple[Path, dict[str, Result]]) -> None:
    result = chain[1][name]
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout).keys() >= FIELDS[name]


@pytest.mark.parametrize("directory", ["dataset", "run", "export"])
def test_outputs_stand_in_the_default_directories(directory: str, chain: tuple[Path, dict[str, Result]]) -> None:
    assert (chain[0] / "work" / "sentiment" / directory).is_dir()


def test_parity_is_reported_field_by_field(chain: tuple[Path, dict[str, Result]]) -> None:
    parity = json.loads(chain[1]["export"].stdout)["parity"]
    assert parity.keys() >= {"examples", "label_agreement", "max_difference", "score_before", "score_after"}


def test_every_score_stands_beside_the_baselines(chain: tuple[Path, dict[str, Result]]) -> None:
    baselines = json.loads(chain[1]["evaluate"].stdout)["baselines"]
    assert {name: set(row) >= {"accuracy", "macro_f1"} for name, row in baselines.items()} == {
        "majority": True,
        "keyword": True,
        "tfidf_logistic": True,
        "nbsvm": True,
    }


@pytest.mark.parametrize("name", ["preprocess", "finetune", "export"])
def test_a_second_time_everything_is_up_to_date(name: str, chain: tuple[Path, dict[str, Result]], slm: Callable[..., Result]) -> None:
    more = FAST if name == "finetune" else ()
    result = slm(name, *more, "--work", chain[0] / "work")
    assert result.exit_code == 0
    assert "is up to date" in result.stdout


@pytest.mark.parametrize(
    ("name", "changes"), [("preprocess", ["--max-length", "50"]), ("finetune", ["--epochs", "2"]), ("export", ["--quantize", "dynamic"])]
)
def test_other_settings_are_refused_with_the_way_out(
    name: str, changes: list[str], chain: tuple[Path, dict[str, Result]], slm: Callable[..., Result]
) -> None:
    result = slm(name, *changes, "--work", chain[0] / "work")
    assert result.exit_code == 2
    assert "--overwrite" in result.stderr


def test_predicting_with_litert_imports_no_tensorflow(
    chain: tuple[Path, dict[str, Result]], python: Callable[[str], subprocess.CompletedProcess[str]]
) -> None:
    bundle = str(chain[0] / "work" / "sentiment" / "export")
    code = f"""
import sys
from slmcli.cli.main import main
main(["predict", {bundle!r}, "a text"], standalone_mode=False)
assert not {{"tensorflow", "keras", "nltk", "pandas", "sklearn"}} & set(sys.modules)
"""
    result = python(code)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout).keys() == {"label", "score", "scores"}
    assert result.stderr == ""


def test_importing_tensorflow_says_nothing(python: Callable[[str], subprocess.CompletedProcess[str]]) -> None:
    result = python("from slmcli.runtime import start_tensorflow; start_tensorflow(threads=1, seed=1)")
    assert (result.stdout, result.stderr) == ("", "")


def test_the_recipe_of_a_run_repeats_it(chain: tuple[Path, dict[str, Result]], slm: Callable[..., Result]) -> None:
    run = chain[0] / "work" / "sentiment" / "run"
    result = slm("finetune", "--recipe", run / "config.yaml", "--work", chain[0] / "work")
    assert "is up to date" in result.stdout


def test_a_gate_that_is_missed_ends_with_exit_code_4(chain: tuple[Path, dict[str, Result]], slm: Callable[..., Result]) -> None:
    result = slm("evaluate", "--no-baselines", "--require", "accuracy=0.999", "--work", chain[0] / "work", "--out", "report")
    assert result.exit_code == 4
    assert "required 0.999: missed by 0." in result.stderr


def test_a_person_reads_tables(chain: tuple[Path, dict[str, Result]], slm: Callable[..., Result]) -> None:
    text = slm("evaluate", "--no-baselines", "--work", chain[0] / "work", "--out", "report").stdout
    assert "this model" in text
    assert "95 % interval" in text


@pytest.fixture
def export(chain: tuple[Path, dict[str, Result]]) -> Path:
    return chain[0] / "work" / "sentiment" / "export"


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_predictions_come_in_the_order_of_the_lines(export: Path, slm: Callable[..., Result]) -> None:
    texts = ["awful", "a very long and dull evening that we all regretted deeply afterwards", "", "great fun"]
    from_pipe = lines(slm("predict", export, "--input", "-", text="\n".join(texts) + "\n"))
    one_by_one = [lines(slm("predict", export, "--input", "-", text=text + "\n"))[0] for text in texts]
    assert [line["label"] for line in from_pipe] == [line["label"] for line in one_by_one]
    assert len(from_pipe) == 4


def test_standard_input_may_be_json_lines(export: Path, slm: Callable[..., Result]) -> None:
    assert len(lines(slm("predict", export, "--input", "-", text='{"text": "good"}\n{"text": "bad"}\n'))) == 2


def test_files_of_any_format_are_predicted(export: Path, slm: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "texts.csv").write_text('id,review\n1,"good, really"\n2,bad\n', encoding="utf-8")
    assert len(lines(slm("predict", export, "--input", "texts.csv"))) == 2


def test_predicting_nothing_is_an_error(export: Path, slm: Callable[..., Result]) -> None:
    result = slm("predict", export)
    assert result.exit_code == 2
    assert "give texts as arguments, or --input FILE" in result.stderr


def test_predicting_with_a_path_that_is_not_there_says_so(slm: Callable[..., Result]) -> None:
    result = slm("predict", "out/nothing", "a text")
    assert result.exit_code == 2
    assert "out/nothing is not a directory" in result.stderr


def test_evaluating_other_data_names_unknown_labels(chain: tuple[Path, dict[str, Result]], slm: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("text,label\nfine,positiv\n", encoding="utf-8")
    result = slm("evaluate", "--data", "other.csv", "--work", chain[0] / "work")
    assert result.exit_code == 3
    assert "label 'positiv' is not one of the model's: negative, positive" in result.stderr
    assert "Did you mean 'positive'?" in result.stderr


def test_no_run_yet_names_the_command_that_makes_one(slm: Callable[..., Result]) -> None:
    result = slm("evaluate")
    assert result.exit_code == 2
    assert "Make it with `slm finetune`" in result.stderr


def test_no_dataset_yet_names_the_command_that_makes_one(slm: Callable[..., Result]) -> None:
    result = slm("finetune")
    assert result.exit_code == 2
    assert "Make it with `slm preprocess --task sentiment`" in result.stderr


@pytest.fixture
def _hears_signals() -> Iterator[None]:
    """Take Ctrl-C as Python does, though a shell that starts the tests in the background has it ignored; leave both as they were."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler), signal.getsignal(signal.SIGTERM)
    yield
    for number, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
        signal.signal(number, handler)


@pytest.mark.usefixtures("_hears_signals")
@pytest.mark.parametrize(
    ("number", "code", "message"),
    [(signal.SIGTERM, 143, "Error: terminated\n"), (signal.SIGINT, 130, "Error: interrupted\n")],
    ids=["terminate", "interrupt"],
)
def test_a_signal_ends_a_preprocessing_and_leaves_nothing(
    number: signal.Signals, code: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from slmcli import preprocessing

    encode = preprocessing.encode

    def encode_and_signal(*arguments: Any, **options: Any) -> Any:
        encode(*arguments, **options)
        signal.raise_signal(number)

    monkeypatch.setattr(preprocessing, "encode", encode_and_signal)
    result = CliRunner().invoke(main, ["preprocess", "--out", str(tmp_path / "dataset")])
    assert (result.exit_code, result.stderr, list(tmp_path.iterdir())) == (code, message, [])
    if number == signal.SIGTERM:
        signal.raise_signal(number)  # a second one, while the program ends, is ignored

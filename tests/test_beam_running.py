import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from slmcli.beam_running import hand_back, handed_back, start_beam
from slmcli.errors import ConfigError, SlmError


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            "--direct_num_workers=two",
            "'--direct_num_workers=two': argument --direct_num_workers: invalid int value: 'two'. Correct it.",
        ),
        ("--direct_num_workrs=2", "--direct_num_workrs is no option of Beam's DirectRunner. Did you mean 'direct_num_workers'"),
        ("--direct_num_workers=2 two", "'--direct_num_workers=2 two': 'two' is no option. Options look like --direct_num_workers=2."),
        ("--help", "'--help': that is no option of a pipeline"),
        ("--runner='Direct", "No closing quotation"),
    ],
    ids=["value", "name", "no option", "help", "quotation"],
)
def test_wrong_options_are_refused(options: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        start_beam(options, workers=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [("--runner=Nope", "Unexpected pipeline runner: Nope"), ("--runner=DataflowRunner", "Missing required option: project")],
    ids=["unknown", "incomplete"],
)
def test_a_runner_that_cannot_be_had_is_refused_in_beams_words(options: str, message: str, tmp_path: Path) -> None:
    beam = start_beam(options, workers=1)
    with pytest.raises(ConfigError, match=message), beam.pipeline(tmp_path):
        pass


def test_a_collection_comes_back(tmp_path: Path) -> None:
    from apache_beam import Create

    with start_beam("", workers=1).pipeline(tmp_path) as pipeline:
        hand_back(pipeline | Create([("a", 1), ("b", 2)]), tmp_path, "pairs")
    assert sorted(handed_back(tmp_path, "pairs")) == [("a", 1), ("b", 2)]


def fail(number: int) -> Iterator[int]:
    raise ValueError(f"step {number}")
    yield number


def test_a_mistake_of_ours_keeps_its_traceback(tmp_path: Path) -> None:
    from apache_beam import Create, FlatMap

    with pytest.raises(ValueError, match="step 3"), start_beam("", workers=1).pipeline(tmp_path) as pipeline:
        _ = pipeline | Create([3]) | FlatMap(fail)


def interrupt(number: int) -> Iterator[int]:
    raise KeyboardInterrupt
    yield number


def test_an_interruption_inside_a_step_stays_one(tmp_path: Path) -> None:
    from apache_beam import Create, FlatMap

    with pytest.raises(KeyboardInterrupt), start_beam("", workers=1).pipeline(tmp_path) as pipeline:
        _ = pipeline | Create([3]) | FlatMap(interrupt)


def test_the_first_problem_in_the_order_of_the_corpus_is_raised(tmp_path: Path) -> None:
    from apache_beam import Create

    problems = [((1, 0), SlmError("later")), ((0, 4), SlmError("first"))]
    with pytest.raises(SlmError, match="^first$"), start_beam("", workers=1).pipeline(tmp_path) as pipeline:
        hand_back(pipeline | Create(problems), tmp_path, "problems")


def test_a_missing_beam_is_named_with_its_repair(python: Callable[[str], subprocess.CompletedProcess[str]]) -> None:
    result = python("import sys; sys.modules['apache_beam'] = None; from slmcli.beam_running import start_beam; start_beam(None, workers=2)")
    assert "MissingPackageError: --runner beam needs apache-beam. Install it: pip install slmcli[beam]" in result.stderr

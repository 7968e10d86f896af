import os
from pathlib import Path

import numpy as np
import pytest

from slmcli.beam_steps import ReadFile, add_ngrams, join_runs
from slmcli.config import CorpusSettings
from slmcli.encoding import SplitStatistics
from slmcli.inspection import Inspection
from slmcli.reading import Example
from slmcli.tasks import TASKS


def run(start: int) -> tuple[int, int, dict[int, SplitStatistics]]:
    """Return what is counted in one example, an empty one."""
    found = SplitStatistics(Inspection("sentiment"))
    found.inspection.add(Example({"text": "", "label": "good"}, "file", start), is_empty=True)
    return start, start + 1, {0: found}


def test_runs_in_any_order_are_joined_in_the_order_of_the_corpus() -> None:
    halves = [join_runs([[run(4)], [run(1)], [run(2)]]), join_runs([[run(0)], [run(3)]])]
    ((start, stop, statistics),) = join_runs(halves)
    assert (start, stop) == (0, 5)
    assert statistics[0].inspection.tallies["empty_text"].rows == ["file:0: ", "file:1: ", "file:2: "]


def test_joining_leaves_what_it_is_given_as_it_was() -> None:
    given = [run(0), run(1)]
    join_runs([given])
    assert given[0][2][0].inspection.examples == 1


def test_counts_of_ngrams_add_up() -> None:
    parts = [(np.array([3, 9], np.uint32), np.array([1, 2])), (np.array([9], np.uint32), np.array([5]))]
    buckets, totals = add_ngrams(parts)
    assert (buckets.tolist(), totals.tolist()) == ([3, 9], [1, 7])


def test_a_relative_path_begins_where_the_pipeline_was_started(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = list(ReadFile(TASKS.load("sentiment")([]), CorpusSettings(), corpus.parent)((0, 0, Path(corpus.name))))
    assert [(place, len(rows.records)) for place, rows in blocks] == [((0, 0), 96)]


def test_a_worker_without_the_directory_says_so(tmp_path: Path) -> None:
    (found,) = ReadFile(TASKS.load("sentiment")([]), CorpusSettings(), tmp_path / "elsewhere")((0, 0, Path("corpus.jsonl")))
    assert "a worker has no directory" in str(found.value[1])
    assert os.fspath(tmp_path / "elsewhere") in str(found.value[1])

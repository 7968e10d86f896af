"""Compare models, or files of predictions, on the same examples."""

import logging
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any  # Any: a JSON document

from slmcli.comparison_words import say_verdict
from slmcli.config import CompareSettings
from slmcli.contestants import Contestant, Group, ask
from slmcli.contrasts import Contrast, compare_labels, compare_slices, describe, find_flips, probe_difference, score_differences
from slmcli.dataset import Dataset, open_dataset
from slmcli.entrants import Entrant, check_dataset, find_seeds, open_entrants, task_of
from slmcli.errors import BundleError
from slmcli.judged_examples import dataset_of, read_judged
from slmcli.paired import holm
from slmcli.paired_scores import LEVEL
from slmcli.reading import Example
from slmcli.slices import FEWEST, group_rows, slice_columns
from slmcli.tasks.base import JudgedTask

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
logger = logging.getLogger(__name__)


def compare(paths: Sequence[Path], settings: CompareSettings, *, dataset: Path | None) -> dict[str, Any]:
    """Compare all with the first, on the same examples, and return what `--json` prints.

    Args:
        paths: Runs, bundles in any format, and files of predictions; two or more.
        settings: Which examples, and what is measured.
        dataset: The dataset to take examples from; None: that of the first run that knows its own.

    Raises:
        SlmError: They cannot be compared, or there is nothing to compare them on.
    """
    entrants = open_entrants(paths)
    source = _find_dataset(entrants, settings, dataset)
    task = task_of(entrants, settings, source)
    if source is not None:
        check_dataset(source, task)
    bundles = [entrant.bundle for entrant in entrants if entrant.bundle is not None]
    examples, origin = read_judged(settings, source, task, bundles)
    contestants = []
    for entrant in entrants:
        logger.info("%s: %d examples", entrant.path, len(examples))
        contestants.append(ask(entrant, task, examples, settings))
    return _describe(task, examples, _group(contestants), settings, origin, source)


def _group(contestants: Sequence[Contestant]) -> list[Group]:
    """Put runs that differ in their seed alone together, unless that leaves nothing to compare."""
    found = find_seeds([contestant.entrant for contestant in contestants])
    chosen = found if len(found) > 1 else [[place] for place in range(len(contestants))]
    return [Group(_letter(place), [contestants[member] for member in members]) for place, members in enumerate(chosen)]


def _letter(place: int) -> str:
    return _LETTERS[place] if place < len(_LETTERS) else f"{_LETTERS[place % len(_LETTERS)]}{place // len(_LETTERS)}"


def _find_dataset(entrants: Sequence[Entrant], settings: CompareSettings, dataset: Path | None) -> Dataset | None:
    """Return the dataset that was named, else that of the first run that knows its own; with --data none is needed."""
    if dataset is not None:
        return open_dataset(dataset)
    if settings.data:
        return None
    for entrant in entrants:
        if entrant.bundle is not None and (found := dataset_of(entrant.path, None)) is not None:
            return found
    raise BundleError(
        f"none of {', '.join(str(entrant.path) for entrant in entrants)} knows a dataset to be judged by. Pass --data FILE, or --dataset DIR."
    )


def _describe(
    task: JudgedTask,
    examples: Sequence[Example],
    groups: Sequence[Group],
    settings: CompareSettings,
    origin: Mapping[str, Any],
    source: Dataset | None,
) -> dict[str, Any]:
    references, main = task.references(examples), task.headline[0]
    sides = [_describe_side(group) for group in groups]
    contrasts = [Contrast(task, examples, references, groups[0], other, settings.seed) for other in groups[1:]]
    columns = slice_columns(task, examples, settings.slice_by)
    comparisons = [_compare(contrast, columns, settings.flips) for contrast in contrasts]
    corrected = holm([comparison["test"]["p"] for comparison in comparisons])
    for comparison, side, p in zip(comparisons, sides[1:], corrected, strict=True):
        comparison["test"]["p_corrected"] = p
        interval = comparison["differences"][main]
        comparison["is_clear"] = p < LEVEL and interval["is_clear"] and len(examples) > 1
        comparison["verdict"] = say_verdict(comparison, main, [sides[0], side], len(examples))
    return {
        "task": task.name,
        **origin,
        "dataset": None if source is None or settings.data else str(source.path),
        "examples": len(examples),
        "score": main,
        "other_score": task.headline[1],
        "labels": task.scored_labels,
        "sides": sides,
        "comparisons": comparisons,
        "notes": [*_notes(groups, comparisons, source, settings), *_notes_on_slices(columns, settings.slice_by)],
    }


def _describe_side(group: Group) -> dict[str, Any]:
    first = group.members[0]
    scores = {name: [member.scores[name] for member in group.members if name in member.scores] for name in first.scores}
    whole = {name: values for name, values in scores.items() if len(values) == len(group.members)}
    bundle = first.entrant.bundle
    return {
        "letter": group.letter,
        "name": group.name,
        "paths": [str(member.entrant.path) for member in group.members],
        "kind": "predictions" if bundle is None else "run" if first.entrant.is_run else "bundle",
        "format": None if bundle is None else bundle.manifest["format"],
        "backbone": None if bundle is None else bundle.manifest.get("backbone"),
        "scores": {name: round(statistics.fmean(values), 6) for name, values in whole.items()},
        "deviations": {name: round(statistics.stdev(values), 6) for name, values in whole.items() if len(values) > 1},
        "cost": _mean_cost(group.members),
    }


def _mean_cost(members: Sequence[Contestant]) -> dict[str, Any] | None:
    costs = [member.cost for member in members if member.cost is not None]
    if len(costs) < len(members):
        return None
    known = [name for name in costs[0] if all(isinstance(cost.get(name), (int, float)) for cost in costs)]
    means = {name: statistics.fmean(cost[name] for cost in costs) for name in known}
    return {name: round(mean) if isinstance(costs[0][name], int) else round(mean, 3) for name, mean in means.items()}


def _compare(contrast: Contrast, columns: Mapping[str, Sequence[str]], flips: int) -> dict[str, Any]:
    scores, labels = score_differences(contrast)
    return {
        "first": contrast.first.letter,
        "second": contrast.second.letter,
        "is_same": contrast.is_same,
        "differences": {name: describe(found) for name, found in scores.items()},
        "test": probe_difference(contrast),
        "per_label": compare_labels(contrast, labels),
        "slices": compare_slices(contrast, columns),
        "flips": find_flips(contrast, flips),
    }


def _notes(groups: Sequence[Group], comparisons: Sequence[Mapping[str, Any]], source: Dataset | None, settings: CompareSettings) -> list[str]:
    """Return what a reader must know to read the comparison rightly."""
    return [
        *_notes_on_tests(groups, comparisons),
        *_notes_on_seeds(groups),
        *(_note_on_order(member) for group in groups for member in group.members if member.is_matched),
        *(_notes_on_data(groups, source, settings.split) if source is not None and not settings.data else []),
    ]


def _notes_on_tests(groups: Sequence[Group], comparisons: Sequence[Mapping[str, Any]]) -> list[str]:
    if len(comparisons) < 2:
        return []
    return [
        f"{len(comparisons)} comparisons with {groups[0].letter}: p-values are corrected for their number (Holm 1979), "
        "intervals are those of one comparison."
    ]


def _notes_on_seeds(groups: Sequence[Group]) -> list[str]:
    several = [group for group in groups if len(group.members) > 1]
    notes = [f"{group.letter} is {len(group.members)} runs that differ in their seed alone: scores are means over them." for group in several]
    if len(find_seeds([group.members[0].entrant for group in groups])) == 1:
        notes.append("All are runs of one setting: what differs is what the seed does.")
    return notes


def _note_on_order(member: Contestant) -> str:
    return f"The lines of {member.entrant.path} stand in another order than the examples, and were matched by their texts."


def _notes_on_slices(columns: Mapping[str, Sequence[str]], names: Sequence[str]) -> list[str]:
    """Say of columns that were asked for why one, or some of its values, are not shown."""
    notes = []
    for name in dict.fromkeys(names):
        values = group_rows(columns[name])
        few = sum(len(places) < FEWEST for places in values.values())
        if len(values) == 1:
            notes.append(f"All examples have the same {name}, {next(iter(values))}: it puts them into no slices.")
        elif few:
            notes.append(f"{few} of {len(values)} values of {name} have fewer than {FEWEST} examples, too few for a difference of their own.")
    return notes


def _notes_on_data(groups: Sequence[Group], source: Dataset, split: str | None) -> list[str]:
    """Say which models have learned what they are judged by, or may have."""
    learned = ["These are training examples: scores on what a model has learned say little of new texts."] if split == "train" else []
    strangers = [
        group.letter
        for group in groups
        if any(
            member.entrant.bundle is not None and member.entrant.bundle.manifest.get("dataset_fingerprint") not in (None, source.fingerprint)
            for member in group.members
        )
    ]
    if not strangers:
        return learned
    were = "was" if len(strangers) == 1 else "were"
    return [
        *learned,
        f"{', '.join(strangers)} {were} trained on another dataset than {source.path}: make sure that none of these examples was in it.",
    ]

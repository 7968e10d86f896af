"""What a person sees: progress of a training, tables of results."""

import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any  # Any: events and results are JSON documents

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from slmcli.cli.options import is_terminal, refuse_both
from slmcli.public_sets import PublicSet
from slmcli.score_words import score_in_words

_LINE_SECONDS = 5.0


class TrainingDisplay:
    """Show the steps of a training: a bar on a terminal, a line every few seconds elsewhere, nothing when quiet."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._shown_at = time.monotonic()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[state]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task: TaskID | None = None

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Show one event of the training."""
        if self._quiet:
            return
        part = f"{event['part']}: " if "part" in event else ""
        if event["event"] == "epoch":
            self._line(part + epoch_line(event))
        elif event["event"] == "samples":
            for text in event["samples"]:
                self._line(textwrap.indent(text, "    | "))
        elif event["event"] == "pass":
            if event["is_last"]:
                self._line(part + pass_line(event))
        elif event["event"] == "labelled":
            self._label(event, part)
        elif is_terminal():
            self._redraw(event)
        elif time.monotonic() - self._shown_at >= _LINE_SECONDS:
            self._shown_at = time.monotonic()
            self._line(part + step_line(event))

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._task is not None:
            self._bar.stop()

    def _label(self, event: Mapping[str, Any], part: str) -> None:
        is_all = event["done"] == event["texts"]
        if is_all or time.monotonic() - self._shown_at >= _LINE_SECONDS:
            self._shown_at = time.monotonic()
            total = "" if is_all else f"of {event['texts']:,} "
            self._line(f"{part}{event['done']:,} {total}texts labelled")

    def _redraw(self, event: Mapping[str, Any]) -> None:
        if self._task is None:
            self._bar.start()
            self._task = self._bar.add_task("", total=event["steps"], state="")
        state = f"loss {event['loss']:.3f}  {event['examples_per_second']:,.0f} examples/s"
        description = f"{event['part'] + ' ' if 'part' in event else ''}epoch {event['epoch']}/{event['epochs']}"
        self._bar.update(self._task, completed=event["step"], total=event["steps"], description=description, state=state)

    def _line(self, text: str) -> None:
        if self._task is not None:
            self._bar.console.print(escape(text), highlight=False)
        else:
            click.echo(text, err=True)


def shown_training(
    train: Callable[..., dict[str, Any]],
    dataset: Path,
    values: Mapping[str, Any],
    out: Path,
    *,
    source: str,
    resume: bool,
    overwrite: bool,
    quiet: bool,
) -> dict[str, Any]:
    """Carry out a training on the dataset of a directory, with its steps shown.

    `train` is `pretrain` or `finetune`: it takes the dataset, the other arguments, and what is told of each step.

    Raises:
        ConfigError: It is to go on and to begin anew.
    """
    from slmcli.dataset import open_dataset

    refuse_both(resume=resume, overwrite=overwrite)
    display = TrainingDisplay(quiet=quiet)
    try:
        return train(open_dataset(dataset), values, out, source=source, resume=resume, overwrite=overwrite, report=display)
    finally:
        display.close()


def step_line(event: Mapping[str, Any]) -> str:
    """Return a step as one line."""
    return (
        f"step {event['step']}/{event['steps']}  epoch {event['epoch']}  loss {event['loss']:.4f}  rate {event['learning_rate']:.2e}  "
        f"{event['examples_per_second']:,.0f} examples/s  {event['tokens_per_second']:,} tokens/s  {event['memory_megabytes']:,} MB  "
        f"{event['seconds_left']} s left"
    )


def pass_line(event: Mapping[str, Any]) -> str:
    """Return where the solving of a bag of n-grams is, as one line."""
    name = "bag, with validation" if event.get("is_refit") else "bag"
    return f"{name}: pass {event['pass']} of at most {event['passes']}  loss {event['loss']:.4f}  {event['seconds']:.1f} s"


def epoch_line(event: Mapping[str, Any]) -> str:
    """Return an epoch as one line; a star marks the best so far."""
    accuracy = f" accuracy {event['accuracy']:.4f}" if "accuracy" in event else ""
    validation = "  validation" + "".join(f" {event[name]:.4f}" for name in ("val_loss", "val_accuracy") if name in event)
    validation = validation if "val_loss" in event else ""
    training = f"{event['member'] + ': ' if 'member' in event else ''}epoch {event['epoch']}/{event['epochs']}  loss {event['loss']:.4f}{accuracy}"
    return training + validation + (" *" if event["is_best"] else "")


def finding_lines(result: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """Return what a training found out beside its model, a line each: teacher, folds, learning curve, examples to look at.

    Args:
        result: The summary of the training.
        names: Scores to show, as far as there are such scores.
    """
    lines = [_teacher_line(result["self_training"], names)] if "self_training" in result else []
    lines += [_fold_line(result["k_fold"], names)] if "k_fold" in result else []
    if "learning_curve" in result:
        curve = result["learning_curve"]
        points = ", ".join(f"{point['scores'][curve['score']]:.4f} with {100 * point['share']:.0f} %" for point in curve["points"])
        lines += [f"Learning curve: {score_in_words(curve['score'])} {points} of the training examples", curve["sentence"]]
    if "label_issues" in result:
        issues = result["label_issues"]
        where = " and ".join(issues["splits"])
        errors = "error" if issues["count"] == 1 else "errors"
        lines.append(f"{issues['count']:,} likely label {errors} among {issues['examples']:,} examples ({where}): {result['run']}/{issues['file']}")
    if "worst_examples" in result:
        worst = result["worst_examples"]
        lines.append(f"{worst['count']:,} validation examples with the greatest loss: {result['run']}/{worst['file']}")
    return lines


def _teacher_line(found: Mapping[str, Any], names: Sequence[str]) -> str:
    said = ", ".join(f"{score_in_words(name)} {found['teachers'][-1][name]:.4f}" for name in names if name in found["teachers"][-1])
    return f"Learned from {found['texts']:,} texts without labels, too. The teacher that labelled them: {said or 'no validation examples'}"


def _fold_line(found: Mapping[str, Any], names: Sequence[str]) -> str:
    scores = {name: found["scores"][name] for name in names if name in found["scores"]}
    said = [
        f"{score_in_words(name)} {score['mean']:.4f} (95 % interval {score['interval'][0]:.4f} to {score['interval'][1]:.4f})"
        for name, score in scores.items()
    ]
    return f"Mean of {found['folds']} folds: {', '.join(said)}"


def show_public_sets(records: Iterable[PublicSet]) -> None:
    """Print public data sets: name, task, language and size of each beside what it is."""
    table = Table(show_lines=True)
    table.add_column("data set", no_wrap=True)
    table.add_column("what it is")
    for record in records:
        size = "size unknown" if record.bytes is None else show_bytes(record.bytes)
        sentences = [f"{record.title}: {record.examples}", record.note, f"licence: {record.licence}"]
        about = "\n".join(sentence[0].upper() + sentence[1:] + "." for sentence in sentences if sentence)
        table.add_row(f"[bold]{record.name}[/bold]\n{record.task}, {record.language}\n{size}", escape(about))
    Console(file=sys.stdout, highlight=False).print(table)


def numbers_table(title: str, first: str, *rest: str) -> Table:
    """Return a table whose first column is text and whose others are numbers."""
    table = Table(title=escape(title) or None, title_justify="left")
    table.add_column(first)
    for name in rest:
        table.add_column(name, justify="right")
    return table


def show_bytes(size: int) -> str:
    """Return a size as people write it."""
    return f"{size / 1e6:.2f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"

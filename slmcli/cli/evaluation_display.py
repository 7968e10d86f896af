"""What a person sees of an evaluation."""

import sys
from collections.abc import Mapping
from typing import Any  # Any: a JSON document

import click
from rich.console import Console
from rich.markup import escape

from slmcli.cli.display import numbers_table, show_bytes
from slmcli.cli.robustness_display import show_robustness
from slmcli.inspection import excerpt
from slmcli.score_words import BASELINE_NAMES, score_in_words
from slmcli.tasks import TASKS

# our choice: more labels than fit a screen are in the report
_MOST_LABELS = 40
_MOST_WORDS = 5


def show_evaluation(result: Mapping[str, Any]) -> None:
    """Print scores beside baselines, labels, where the model is weak and what it costs, then the verdict."""
    console = Console(file=sys.stdout, highlight=False)
    where = f"{result['split']} split" if "split" in result else ", ".join(result["data"])
    main, other = TASKS.load(result["task"]).headline
    title = f"{result['task']}: {_amount(result)}, {where}"
    scores = numbers_table(title, "", score_in_words(main), "95 % interval", score_in_words(other))
    low, high = result["intervals"][main]
    scores.add_row("[bold]this model[/bold]", f"{result['scores'][main]:.4f}", f"{low:.4f}-{high:.4f}", f"{result['scores'][other]:.4f}")
    for name, row in result["baselines"].items():
        scores.add_row(BASELINE_NAMES[name], f"{row[main]:.4f}", "", f"{row[other]:.4f}")
    console.print(scores)
    labels = numbers_table("", "label", "precision", "recall", "F1", "95 % interval", result.get("unit_of_labels", "examples"))
    shown = list(result.get("per_label", {}).items())[:_MOST_LABELS]
    for label, row in shown:
        parts = (row["precision"], row["recall"], row["f1"])
        low, high = row["f1_interval"]
        labels.add_row(escape(excerpt(label, 40)), *(f"{part:.4f}" for part in parts), f"{low:.4f}-{high:.4f}", f"{row['examples']:,}")
    if shown:
        console.print(labels)
    if "robustness" in result:
        show_robustness(result["robustness"])
    for line in _lines(result, left_out=len(result.get("per_label", {})) - len(shown)):
        click.echo(line)


def _lines(result: Mapping[str, Any], *, left_out: int) -> list[str]:
    lines = [f"and {left_out:,} more labels, in the report"] if left_out > 0 else []
    if result["weak_words"]:
        words = ", ".join(f"{excerpt(row['word'], 40)} ({row['wrong']:.1%} of {row['examples']:,})" for row in result["weak_words"][:_MOST_WORDS])
        lines.append(f"Wrong more often in texts with: {words}")
    if "cost" in result:
        cost = result["cost"]
        lines.append(f"Cost: {', '.join([show_bytes(cost['model_bytes']), *_speed(cost)])}")
    return [*lines, result["verdict"], f"Report: {result['report'].removesuffix('.json')}.html"]


def _speed(cost: Mapping[str, Any]) -> list[str]:
    """Return what time and memory a model takes; of a language model the time of a token that it writes, nothing of one that cannot."""
    if "latency_ms_p50" not in cost:
        return []
    what = "text" if "texts_per_second" in cost else "token"
    many = f"{cost['texts_per_second']:,.0f} texts/s in batches" if what == "text" else f"{cost['tokens_per_second']:,.0f} tokens/s"
    latency = f"{cost['latency_ms_p50']:.2f} ms a {what} (95 %: {cost['latency_ms_p95']:.2f} ms)"
    return [latency, many, f"{cost['peak_memory_mb']:,.0f} MB of memory"]


def _amount(result: Mapping[str, Any]) -> str:
    """Return how much was judged."""
    if "tokens" not in result:
        return f"{result['examples']:,} examples"
    return f"{result['tokens']:,} tokens in {'one text' if result['examples'] == 1 else format(result['examples'], ',') + ' texts'}"

"""`slm predict`."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any  # Any: options by name

import click

from slmcli.cli.options import common_options, gather, locate, print_json, set_up_logging, settings_options
from slmcli.config import CorpusSettings, PredictSettings, build
from slmcli.corpora import READERS
from slmcli.errors import ConfigError


@click.command(name="predict")
@click.argument("arguments", metavar="[RUN|BUNDLE] [TEXT]...", nargs=-1)
@settings_options(PredictSettings, choices={"format": READERS.names()}, leave_out=("texts",))
@common_options(writes=False)
def command(
    arguments: tuple[str, ...],
    work: Path,
    recipe: Path | None,
    data_dir: str | None,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    debug: bool,
    **flags: Any,
) -> None:
    """Label TEXTs, or the texts of --input, and print JSON Lines in their order; a task about two texts takes them by twos.

    The first argument is the model when it is a directory; else the exported model of the work directory is used, or its run.
    With --json: one object with all of them under `predictions`.
    """
    set_up_logging(quiet=True, verbose=False)
    target, texts = divide(arguments)
    values, source = gather("predict", {"texts": texts or None, **flags}, recipe, data_dir)
    settings = build(PredictSettings, values, source=source)
    predictions = execute(settings, locate(target, work, ["export", "run"], task=None, made_by="finetune"))
    if as_json:
        print_json({"predictions": list(predictions)})
        return
    show(predictions)


def show(predictions: Iterable[dict[str, Any]]) -> None:
    """Print one JSON object a line, as soon as it is known."""
    for prediction in predictions:
        click.echo(json.dumps(prediction, ensure_ascii=False))


def divide(arguments: tuple[str, ...]) -> tuple[Path | None, list[str]]:
    """Tell the model's directory from the texts."""
    if arguments and Path(arguments[0]).is_dir():
        return Path(arguments[0]), list(arguments[1:])
    if arguments and "/" in arguments[0] and not any(character.isspace() for character in arguments[0]):
        raise ConfigError(f"{arguments[0]} is not a directory. Name a run or a bundle, or give a text of more than one word.")
    return None, list(arguments)


def execute(settings: PredictSettings, target: Path) -> Iterator[dict[str, Any]]:
    """Yield a prediction for each text, in order, holding one batch in memory."""
    from slmcli.bundle import open_bundle
    from slmcli.predictor import Predictor
    from slmcli.reading import read_examples

    if bool(settings.texts) == bool(settings.input):
        raise ConfigError("nothing to label, or too much: give texts as arguments, or --input FILE (- for standard input).")
    bundle = open_bundle(target)
    fields = [field for field in bundle.task.fields if not field.is_target]
    if settings.input:
        examples = read_examples([settings.input], settings.narrow(CorpusSettings), fields=fields, needs_targets=False)
        inputs: Iterable[Mapping[str, Any]] = (example.values for example in examples)
    else:
        inputs = group(settings.texts, [field.name for field in fields], bundle.task.name)
    return Predictor(bundle, threads=settings.threads).predict_stream(inputs, batch_size=settings.batch_size)


def group(texts: Sequence[str], names: Sequence[str], task: str) -> list[dict[str, str]]:
    """Return the texts of each example by field name; with two fields, two texts that follow each other belong together."""
    size = len(names)
    if len(texts) % size:
        raise ConfigError(f"task {task} reads {size} texts together ({', '.join(names)}), and {len(texts)} were given. Give {size} for each answer.")
    return [dict(zip(names, texts[start : start + size], strict=True)) for start in range(0, len(texts), size)]

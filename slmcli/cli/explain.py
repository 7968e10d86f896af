"""`slm explain`."""

from pathlib import Path
from typing import Any  # Any: options by name, JSON documents

import click

from slmcli.cli.options import common_options, gather, locate, print_json, set_up_logging, settings_options
from slmcli.cli.predict import divide, group
from slmcli.config import CorpusSettings, ExplainSettings, build
from slmcli.corpora import READERS
from slmcli.errors import ConfigError
from slmcli.explainers import EXPLAINERS
from slmcli.files import check_replaceable_file, write_text


@click.command(name="explain")
@click.argument("arguments", metavar="[RUN|BUNDLE] [TEXT]...", nargs=-1)
@settings_options(ExplainSettings, choices={"format": READERS.names(), "method": EXPLAINERS.names()}, leave_out=("texts",))
@click.option("--global", "is_global", is_flag=True, help="the most important words of each label over a corpus, in the place of single texts")
@click.option("--html", type=click.Path(path_type=Path), help="write the explanation as one self-contained page")
@common_options()
def command(
    arguments: tuple[str, ...], is_global: bool, html: Path | None, overwrite: bool, work: Path, recipe: Path | None, data_dir: str | None,
    as_json: bool, quiet: bool, verbose: bool, debug: bool, **flags: Any,
) -> None:  # fmt: skip
    """Show which words of TEXTs, or of the texts of --input, made a model say what it says, and how far the weights can be trusted.

    The first argument is the model when it is a directory; else the exported model of the work directory is used, or its run. A task
    about two texts takes them by twos.
    """
    set_up_logging(quiet=quiet, verbose=verbose)
    target, texts = divide(arguments)
    values, source = gather("explain", {"texts": texts or None, **flags}, recipe, data_dir)
    settings = build(ExplainSettings, values, source=source)
    check(settings, is_global=is_global)
    if html is not None:
        check_replaceable_file(html, overwrite=overwrite, inputs=[*settings.data, *([settings.input] if settings.input else [])], option="--html")
    result = execute(settings, locate(target, work, ["export", "run"], task=None, made_by="finetune"), is_global=is_global)
    if html is not None:
        from slmcli.report.explanation_page import render_explanation

        write_text(html, render_explanation(result, top=settings.top), option="--html")
    if as_json:
        print_json(result)
        return
    from slmcli.cli.explanation_display import show_explanation

    show_explanation(result, top=settings.top)


def check(settings: ExplainSettings, *, is_global: bool) -> None:
    """Refuse what contradicts itself."""
    if is_global and (settings.texts or settings.input):
        raise ConfigError("--global explains a corpus: pass --data FILE, or no text and a run that knows its dataset.")
    if not is_global and (settings.data or settings.split):
        raise ConfigError("--data and --split are for --global. Pass it too, or the texts with --input FILE.")
    if not is_global and bool(settings.texts) == bool(settings.input):
        raise ConfigError("nothing to explain, or too much: give texts as arguments, or --input FILE (- for standard input).")


def execute(settings: ExplainSettings, target: Path, *, is_global: bool) -> dict[str, Any]:
    """Return the explanation of texts, or of a corpus."""
    from slmcli.explaining import explain_texts, open_explaining
    from slmcli.important_words import explain_corpus
    from slmcli.reading import read_examples

    explaining = open_explaining(target, settings)
    if is_global:
        return explain_corpus(explaining, target)
    task = explaining.bundle.task
    fields = [field for field in task.fields if not field.is_target]
    if not settings.input:
        return explain_texts(explaining, map(explaining.input_of, group(settings.texts, [field.name for field in fields], task.name)))
    examples = read_examples([settings.input], settings.narrow(CorpusSettings), fields=fields, needs_targets=False)
    return explain_texts(explaining, (explaining.input_of(example.values) for example in examples))

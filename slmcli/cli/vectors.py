"""`slm vectors`."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any  # Any: functions that click calls, the library's vectors, JSON documents

import click

from slmcli.cli.options import print_json, set_up_logging

_COUNT = click.option("--count", type=click.IntRange(min=1), default=10, help="tokens to show  [default: 10]")
_FORM = click.Choice(["word2vec", "word2vec-binary", "glove"])


@click.group(name="vectors")
@click.argument("target", metavar="RUN|BUNDLE", type=click.Path(path_type=Path))
@click.pass_context
def command(ctx: click.Context, target: Path) -> None:
    """Look at the vectors of tokens in a RUN, or a BUNDLE in format keras, or write them to a file."""
    ctx.obj = target


def _common(function: Callable[..., Any]) -> Callable[..., Any]:
    """Pass the run or bundle, and add the options of every subcommand."""
    function = click.option("--debug", is_flag=True, help="show a traceback for every error")(function)
    function = click.option("--json", "as_json", is_flag=True, help="print exactly one JSON object")(function)
    function = click.option("--branch", help="branch of the model, such as conv or conv-2  [default: the first that reads tokens]")(function)
    return click.pass_obj(function)


@command.command(name="nearest")
@click.argument("words", metavar="WORD...", nargs=-1, required=True)
@_COUNT
@_common
def nearest(target: Path, words: tuple[str, ...], count: int, branch: str | None, as_json: bool, debug: bool) -> None:
    """Show the tokens most like each WORD, with cosines."""
    result = _open(target, branch).nearest(words, count=count)
    _show(result, as_json, (line for found in result["words"] for line in (found["token"], *_lines(found["nearest"]))))


@command.command(name="analogy")
@click.argument("words", metavar="A B C", nargs=3)
@_COUNT
@_common
def analogy(target: Path, words: tuple[str, str, str], count: int, branch: str | None, as_json: bool, debug: bool) -> None:
    """Show what C is to, as A to B: nearest to B - A + C."""
    result = _open(target, branch).analogy(*words, count=count)
    _show(result, as_json, (f"{words[0]} is to {words[1]} as {words[2]} is to", *_lines(result["answers"])))


@command.command(name="export")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--form", type=_FORM, default="word2vec", help="word2vec: text, as fastText's .vec; glove: without a header  [default: word2vec]")
@click.option("--overwrite", is_flag=True, help="replace an existing file")
@_common
def export(target: Path, file: Path, form: str, overwrite: bool, branch: str | None, as_json: bool, debug: bool) -> None:
    """Write all vectors to FILE, compressed if it is named .gz."""
    result = _open(target, branch).export(file, form=form, overwrite=overwrite)
    left_out = f"; {result['left_out']:,} tokens with white space left out" if result["left_out"] else ""
    _show(result, as_json, [f"{file}: {result['words']:,} vectors of {result['width']} values{left_out}"])


def _open(target: Path, branch: str | None) -> Any:
    from slmcli.vectors import open_vectors

    set_up_logging(quiet=True, verbose=False)
    return open_vectors(target, branch=branch)


def _lines(tokens: Iterable[Mapping[str, Any]]) -> list[str]:
    return [f"  {each['cosine']:7.4f}  {each['token']}" for each in tokens]


def _show(result: Mapping[str, Any], as_json: bool, lines: Iterable[str]) -> None:
    if as_json:
        print_json(result)
    else:
        click.echo("\n".join(lines))

"""`slm init`."""

from pathlib import Path
from typing import Any  # Any: options by name

import click

from slmcli.backbones import BACKBONES
from slmcli.cli.options import gather, set_up_logging, settings_options
from slmcli.config import CorpusSettings, build
from slmcli.corpora import READERS
from slmcli.tasks import TASKS


@click.command(name="init")
@click.argument("files", nargs=-1)
@click.option("--task", type=click.Choice(TASKS.names()), default="sentiment", show_default=True, help="what the model will be trained to do")
@click.option("--backbone", type=click.Choice(BACKBONES.names()), default="conv", show_default=True, help="architecture")
@settings_options(CorpusSettings, choices={"format": READERS.names()})
@click.option("--out", type=click.Path(path_type=Path), default="recipe.yaml", show_default=True, help="the recipe to write; - for standard output")
@click.option("--overwrite", is_flag=True, help="replace an existing recipe")
@click.option("--debug", is_flag=True, help="show a traceback for every error")
def command(files: tuple[str, ...], task: str, backbone: str, out: Path, overwrite: bool, debug: bool, **flags: Any) -> None:
    """Write a complete, commented recipe for a task and corpus FILES.

    Without FILES: for the sample corpus.
    """
    set_up_logging(quiet=False, verbose=False)
    from slmcli.files import check_replaceable_file, write_text
    from slmcli.recipes import write_recipe

    values, source = gather("preprocess", flags, None, None)
    text = write_recipe(task, list(files), backbone=backbone, reading=build(CorpusSettings, values, source=source))
    if str(out) == "-":
        click.echo(text, nl=False)
        return
    check_replaceable_file(out, overwrite=overwrite, inputs=files)
    write_text(out, text)
    click.echo(f"{out} written. Run it: slm run {out}")

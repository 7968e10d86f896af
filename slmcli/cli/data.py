"""`slm data`."""

from pathlib import Path

import click

from slmcli.cli.options import common_options, print_json, set_up_logging
from slmcli.tasks import TASKS


@click.group(name="data")
def command() -> None:
    """List and fetch well-known public data sets.

    None is part of slm: each is fetched from where it is published, under its own licence, and its hash is verified.
    """


@command.command(name="list")
@click.option("--task", type=click.Choice(TASKS.names()), help="only sets made for this task")
@click.option("--json", "as_json", is_flag=True, help="print exactly one JSON object")
@click.option("--debug", is_flag=True, help="show a traceback for every error")
def list_sets(task: str | None, as_json: bool, debug: bool) -> None:
    """Show the public data sets.

    Each with its task, language, size of the download, examples and licence; with --json also home page, addresses, hashes and settings.
    """
    from slmcli.cli.display import show_public_sets
    from slmcli.public_sets import read_table

    records = [record for record in read_table().values() if task in (None, record.task)]
    if as_json:
        print_json({"sets": [{**record.model_dump(exclude_none=True), "bytes": record.bytes} for record in records]})
    elif records:
        show_public_sets(records)
        click.echo("Fetch one with `slm data get NAME`.")
    else:
        click.echo(f"There is no public data set for {task} yet.")


@command.command(name="get")
@click.argument("name")
@click.option("--to", "--out", "out", type=click.Path(path_type=Path), help="directory for its files  [default: WORK/data/NAME]")
@click.option("--from", "source", metavar="DIR|URL", help="take the published files from this directory or address; hashes are verified all the same")
@click.option(
    "--cache",
    type=click.Path(path_type=Path),
    envvar="SLM_CACHE",
    default="~/.cache/slm",
    help="where fetched files are kept  [default: ~/.cache/slm]",
)
@common_options(recipe=False)
def get(
    name: str, out: Path | None, source: str | None, cache: Path, work: Path, overwrite: bool, as_json: bool, quiet: bool, verbose: bool, debug: bool
) -> None:
    """Fetch the public data set NAME and verify it.

    The last line printed is the command that preprocesses it. Without a network, the message says where to put each file by hand.
    SLM_CACHE is another way to say --cache.
    """
    set_up_logging(quiet=quiet or as_json, verbose=verbose)
    from slmcli.public_data import get_public_set
    from slmcli.public_sets import find_set, read_table

    record = find_set(name, read_table())
    if not quiet:
        facts = [f"{record.name}: {record.title}", record.note, f"Home page: {record.home_page}", f"Licence: {record.licence}"]
        click.echo("\n".join(fact for fact in facts if fact), err=True)
    result = get_public_set(record, out or work / "data" / name, cache=cache, source=source, overwrite=overwrite)
    if as_json:
        print_json(result)
        return
    click.echo(f"{result['data']} is up to date." if result["up_to_date"] else f"{result['data']}: {record.examples}")
    click.echo(f"Next: {result['command']}")

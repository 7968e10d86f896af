"""`slm merge`."""

from pathlib import Path

import click

from slmcli.cli.options import common_options, print_json, set_up_logging


@click.command(name="merge")
@click.argument("target", metavar="RUN|DELTA", type=click.Path(path_type=Path))
@click.option("--base", type=click.Path(path_type=Path), help="run or bundle that it was trained from  [default: where that was]")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="bundle directory")
@common_options(recipe=False)
def command(target: Path, base: Path | None, out: Path, work: Path, overwrite: bool, as_json: bool, quiet: bool, verbose: bool, debug: bool) -> None:
    """Make a bundle of a delta, as finetune --train writes it beside its run, and of the model that it was trained from."""
    set_up_logging(quiet=quiet, verbose=verbose)
    from slmcli.merging import merge_delta

    result = merge_delta(target, out, base=base, overwrite=overwrite)
    if as_json:
        print_json(result)
    else:
        click.echo(f"{result['bundle']}: {result['method']}, {result['parameters']:,} parameters merged, {result['bytes']:,} bytes")

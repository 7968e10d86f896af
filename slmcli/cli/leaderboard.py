"""`slm leaderboard`."""

from pathlib import Path

import click

from slmcli.cli.options import common_options, print_json, set_up_logging


@click.command(name="leaderboard")
@click.argument("directory", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--sort", "sort", metavar="NAME", help="column to sort by: a score, test_SCORE, seconds, bytes, parameters, date, run  [default: main score]"
)
@click.option("--csv", "csv", type=click.Path(path_type=Path), help="also write the table to this CSV file")
@click.option("--html", type=click.Path(path_type=Path), help="also write the table to this HTML file, a page that can be sorted in a browser")
@common_options(recipe=False)
def command(
    directory: Path | None, sort: str | None, csv: Path | None, html: Path | None, work: Path, overwrite: bool,
    as_json: bool, quiet: bool, verbose: bool, debug: bool,
) -> None:  # fmt: skip
    """List all runs below DIR, the best first.

    Without DIR: all below the work directory. Runs on different data stand in tables of their own.
    """
    set_up_logging(quiet=quiet or as_json, verbose=verbose)
    from slmcli.cli.comparison_display import show_leaderboard
    from slmcli.comparison_files import check_targets, write_leaderboard
    from slmcli.leaderboard import make_leaderboard

    check_targets([], csv=csv, html=html, overwrite=overwrite)
    board = make_leaderboard(directory or work, sort=sort)
    write_leaderboard(board, csv=csv, html=html)
    if as_json:
        print_json(board)
    else:
        show_leaderboard(board)

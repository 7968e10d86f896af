"""`slm doctor`."""

import click

from slmcli.cli.machine_display import show_measurement
from slmcli.cli.options import print_json, set_up_logging


@click.command(name="doctor")
@click.option("--measure", "is_measured", is_flag=True, help="measure what this machine computes fast; training goes by it from then on")
@click.option("--json", "as_json", is_flag=True, help="print exactly one JSON object")
@click.option("--debug", is_flag=True, help="show a traceback for every error")
def command(is_measured: bool, as_json: bool, debug: bool) -> None:
    """Say what is installed and what the machine can do, then train, export and predict in miniature.

    Ends in OK, or in the reason why not with exit code 1.
    """
    set_up_logging(quiet=True, verbose=False)
    from slmcli.doctor import examine, measure, self_test

    found = measure() if is_measured else {}
    facts = examine()
    if not as_json:
        for name, value in facts.items():
            click.echo(f"{name:<24}{value}")
    if found and not as_json:
        show_measurement(found)
    result = self_test()
    if as_json:
        print_json({**facts, **found, **result})
    else:
        click.echo(f"self-test: trained, exported and predicted in {result['seconds']:.1f} s. OK")

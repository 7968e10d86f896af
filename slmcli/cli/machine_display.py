"""What a person sees of measurements of this machine."""

from collections.abc import Mapping
from typing import Any  # Any: JSON documents

import click


def show_measurement(found: Mapping[str, Any]) -> None:
    """Print the rates of this machine, the time of a step of each kind of model, and what `auto` makes of it."""
    measured = found["measurement"]
    rates = ", ".join(f"{name} {rate:,.0f} GFLOP/s" for name, rate in measured["gigaflops"].items())
    click.echo(f"{'matrix product':<24}{rates}")
    for kind, choice in found["choices"].items():
        times = ", ".join(f"{name} {time:.3g}" for name, time in measured["milliseconds"][kind].items())
        click.echo(f"{kind + ', a step':<24}{times} ms")
        chosen = f"precision {choice['precision']}, XLA {'on' if choice['xla'] else 'off'}, threads {choice['threads']}"
        click.echo(f"{'':<24}{chosen}; larger batches than {choice['fastest_batch_size']} are not faster")
    click.echo(f"{'measured in':<24}{measured['seconds']:.0f} s")

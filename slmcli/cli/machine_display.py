"""What a person sees of measurements of this machine."""

from collections.abc import Mapping
from typing import Any  # Any: JSON documents

import click

_PARTS = {"input": "waiting for batches", "compute": "forward and backward pass", "update": "weights, metrics, and calling TensorFlow"}


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


def show_training_speed(result: Mapping[str, Any]) -> None:
    """Print the speed of a training, its parts, and its arithmetic beside that of the machine."""
    how = f"{result['precision']}, XLA {'on' if result['xla'] else 'off'}, batches of {result['batch_size']}, {result['parameters']:,} parameters"
    click.echo(f"{result['backbone']:<12}{how}")
    click.echo(f"{'speed':<12}{result['examples_per_second']:>10,.0f} examples/s {result['tokens_per_second']:>12,.0f} tokens/s")
    for name, meaning in _PARTS.items():
        click.echo(f"{name:<12}{1e3 * result['seconds_per_step'][name]:>10.2f} ms a step {result['shares'][name]:>10.1%}  {meaning}")
    click.echo(f"{'products':<12}{result['gigaflops']:>10,.0f} GFLOP/s")
    for name, peak in result["peak_gigaflops"].items():
        click.echo(f"{'':<12}{result['share_of_peak'][name]:>10.1%} of a large matrix product in {name}, {peak:,.0f} GFLOP/s")
    click.echo(f"{'padding':<12}{result['padding_share']:>10.1%} of all positions")
    click.echo(f"{'memory':<12}{result['peak_memory_megabytes']:>10,} MB at most")

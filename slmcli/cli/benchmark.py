"""`slm benchmark`."""

from pathlib import Path
from typing import Any  # Any: options by name

import click

from slmcli.backbones import BACKBONES
from slmcli.cli.machine_display import show_training_speed
from slmcli.cli.options import locate, print_json, set_up_logging, settings_options
from slmcli.training_config import FinetuneSettings

_BACKBONE_SETTINGS = tuple(BACKBONES.load(name) for name in BACKBONES.names())


@click.group(name="benchmark")
def command() -> None:
    """Measure parts of a training on this machine."""


@command.command(name="input")
@click.argument("dataset", type=click.Path(path_type=Path), required=False)
@click.option("--rounds", type=click.IntRange(1, 1000), default=3, show_default=True, help="passes over the training split")
@click.option("--threads", type=click.IntRange(0, 4096), default=0, help="processor threads; 0: all")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, help="seed of the order of examples")
@click.option("--work", type=click.Path(path_type=Path), envvar="SLM_WORK", default="work", help="where outputs are by default  [default: work]")
@click.option("--json", "as_json", is_flag=True, help="print exactly one JSON object")
@click.option("--debug", is_flag=True, help="show a traceback for every error")
def measure_input(dataset: Path | None, rounds: int, threads: int, seed: int, work: Path, as_json: bool, debug: bool) -> None:
    """Time the way from a DATASET to padded batches, beside the training of each backbone."""
    set_up_logging(quiet=as_json, verbose=False)
    from slmcli.benchmarking import benchmark_input
    from slmcli.dataset import open_dataset

    place = locate(dataset, work, ["dataset"], task=None, made_by="preprocess")
    result = benchmark_input(open_dataset(place), rounds=rounds, threads=threads, seed=seed)
    if as_json:
        print_json(result)
        return
    click.echo(f"input      {result['examples_per_second']:>12,.0f} examples/s {result['tokens_per_second']:>14,.0f} tokens/s")
    click.echo(f"padding    {result['padding_share']:>12.1%} of all positions, batches of {result['batch_size']}")
    for name, speed in result["training"].items():
        click.echo(f"{name:<10} {speed:>12,.0f} examples/s in training")
    click.echo(f"The input pipeline is {result['ratio']:.1f} times as fast as the fastest backbone.")


@command.command(name="train")
@click.argument("dataset", type=click.Path(path_type=Path), required=False)
@settings_options(FinetuneSettings, *_BACKBONE_SETTINGS, choices={"backbone": BACKBONES.names()}, leave_out=("task",))
@click.option("--steps", type=click.IntRange(1, 100_000), default=40, show_default=True, help="steps a round; there are about a dozen rounds")
@click.option("--work", type=click.Path(path_type=Path), envvar="SLM_WORK", default="work", help="where outputs are by default  [default: work]")
@click.option("--json", "as_json", is_flag=True, help="print exactly one JSON object")
@click.option("--debug", is_flag=True, help="show a traceback for every error")
def measure_training(dataset: Path | None, steps: int, work: Path, as_json: bool, debug: bool, **flags: Any) -> None:
    """Train on a DATASET for some steps: speed, where the time goes, and what the machine could reach."""
    set_up_logging(quiet=as_json, verbose=False)
    from slmcli.dataset import open_dataset
    from slmcli.training_speed import benchmark_train

    given = {name: value for name, value in flags.items() if value is not None and value != ()}
    result = benchmark_train(open_dataset(locate(dataset, work, ["dataset"], task=None, made_by="preprocess")), given, steps=steps)
    if as_json:
        print_json(result)
    else:
        show_training_speed(result)

"""Run Beam pipelines: options, runner, what a pipeline hands back, errors; nothing of it knows what the pipelines do."""

import contextlib
import io
import logging
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # Any: Beam's objects

from slmcli.errors import ConfigError, MissingPackageError, SlmError
from slmcli.records import read_records
from slmcli.registry import hint

logger = logging.getLogger(__name__)

PROBLEMS = "problems"
_DIRECT = ("directrunner", "direct")


@dataclass(frozen=True)
class Beam:
    """How pipelines run: Beam's `PipelineOptions`, and its runner, an object or a name."""

    options: Any
    runner: Any

    @contextlib.contextmanager
    def pipeline(self, directory: Path) -> Iterator[Any]:
        """Yield a pipeline to put steps into; it runs when the block ends.

        Args:
            directory: Where `hand_back` writes; the problems that steps found are looked for there.

        Raises:
            SlmError: The first problem, in the order of the corpus, that a step found; or the runner failed.
        """
        with _quiet():
            pipeline = self._pipeline()
            yield pipeline
            self._run(pipeline)
        problems = sorted(handed_back(directory, PROBLEMS), key=_place)
        if problems:
            raise problems[0][1]

    def _pipeline(self) -> Any:
        from apache_beam import Pipeline

        try:
            return Pipeline(runner=self.runner, options=self.options)
        except (ValueError, ImportError, AttributeError, RuntimeError) as error:
            raise ConfigError(f"--beam-options: {error} Correct them, or leave them out for two processes of this machine.") from error

    def _run(self, pipeline: Any) -> None:
        try:
            state = _wait(pipeline.run())
        except Exception as error:
            interruption = _interruption(error)
            if interruption is not None:
                raise interruption from error
            if not isinstance(self.runner, str):
                raise
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise SlmError(f"the pipeline on {self.runner} failed: {lines[-1]} See the runner's log, or pass --debug.") from error
        if state not in ("DONE", None):
            raise SlmError(f"the pipeline on {self.runner} ended as {state}. See the runner's log.")


def _wait(result: Any) -> Any:
    """Return the state in which a pipeline ended; one that goes on elsewhere is ended with us."""
    try:
        return result.wait_until_finish()
    except KeyboardInterrupt:
        with contextlib.suppress(Exception):  # it may have ended just then
            result.cancel()
        raise


def _interruption(error: BaseException | None) -> KeyboardInterrupt | None:
    """Return the Ctrl-C or SIGTERM that Beam turned into an error of a step, if there was one."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error


def _place(problem: tuple[Any, SlmError]) -> Any:
    return problem[0]


def start_beam(text: str | None, *, workers: int) -> Beam:
    """Return how pipelines run.

    Args:
        text: Beam's options as on a command line; without them, processes of this machine work.
        workers: The number of these processes.

    Raises:
        MissingPackageError: Beam is not installed.
        ConfigError: Beam does not know the options.
    """
    try:
        with _quiet():
            import apache_beam.io.fileio  # noqa: F401
    except ImportError as error:
        raise MissingPackageError("--runner beam needs apache-beam. Install it: pip install slmcli[beam]") from error
    with _quiet():
        return _settle(text, workers)


def _settle(text: str | None, workers: int) -> Beam:
    from apache_beam.options.pipeline_options import StandardOptions

    default = f"--direct_num_workers={workers} --direct_running_mode=multi_processing"
    options = _parse(default if text is None else text)
    name = options.view_as(StandardOptions).runner or "DirectRunner"
    is_direct = name.lower() in _DIRECT
    if is_direct:
        _refuse_unknown(options)
    return Beam(options, _direct_runner(options) if is_direct else name)


def _parse(text: str) -> Any:
    from apache_beam.options.pipeline_options import PipelineOptions

    complaint = io.StringIO()
    try:
        flags = shlex.split(text)
        with contextlib.redirect_stderr(complaint), contextlib.redirect_stdout(io.StringIO()):
            options = PipelineOptions(flags)
            options.get_all_options()
    except ValueError as error:
        raise ConfigError(f"--beam-options {text!r}: {error}. Correct it.") from error
    except SystemExit as error:
        said = complaint.getvalue().strip().splitlines() or ["that is no option of a pipeline"]
        raise ConfigError(f"--beam-options {text!r}: {said[-1].rpartition('error: ')[2]}. Correct it.") from error
    _refuse_stray(text, flags)
    return options


def _refuse_stray(text: str, flags: list[str]) -> None:
    """Refuse what is neither an option nor the value of one; Beam would leave it out in silence."""
    for before, flag in zip(["", *flags], flags, strict=False):
        if not flag.startswith("-") and (not before.startswith("-") or "=" in before):
            raise ConfigError(f"--beam-options {text!r}: {flag!r} is no option. Options look like --direct_num_workers=2.")


def _refuse_unknown(options: Any) -> None:
    """Refuse options that the DirectRunner does not have; other runners have some that Beam's Python part does not know."""
    known = options.get_all_options()
    unknown = [name for name in options.get_all_options(retain_unknown_options=True) if name not in known]
    if unknown:
        raise ConfigError(
            f"--beam-options: --{unknown[0]} is no option of Beam's DirectRunner.{hint(unknown[0], known)} Correct it, or leave it out."
        )


def _direct_runner(options: Any) -> Any:
    """Return the DirectRunner's way to run in Python.

    Under the name DirectRunner, Beam first tries a runner in Go that it downloads, and falls back to this one. Processes are
    started here and not by `--direct_running_mode`, because Beam would have them write their log to our standard error.
    """
    from apache_beam.options.pipeline_options import DirectOptions
    from apache_beam.portability.api import beam_provision_api_pb2
    from apache_beam.runners.portability.fn_api_runner import fn_runner
    from apache_beam.runners.portability.portable_runner import JobServiceHandle
    from apache_beam.transforms.environments import SubprocessSDKEnvironment

    encoded = JobServiceHandle.encode_pipeline_options(options.get_all_options())
    info = fn_runner.ExtendedProvisionInfo(beam_provision_api_pb2.ProvisionInfo(pipeline_options=encoded))
    environment = None
    if options.view_as(DirectOptions).direct_running_mode == "multi_processing":
        # Ctrl-C reaches the workers too, but it is this process that ends them
        command = f"trap '' INT; exec {shlex.quote(sys.executable)} -m apache_beam.runners.worker.sdk_worker_main"
        environment = SubprocessSDKEnvironment.from_command_string(command if _is_verbose() else f"{command} 2>/dev/null")
        options.view_as(DirectOptions).direct_running_mode = "in_memory"
    return fn_runner.FnApiRunner(environment, provision_info=info)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what Beam logs, from its import on, unless our own messages are shown to the last."""
    before, handlers = logging.root.manager.disable, [*logging.root.handlers]
    if not _is_verbose():
        logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
        logging.root.handlers = handlers  # the first warning without a logger of its own adds one


def _is_verbose() -> bool:
    return logger.isEnabledFor(logging.DEBUG)


def coder() -> Any:
    """Return the form in which values stand in the files between pipelines: Beam's own between steps.

    These files lie in a directory that one command makes, reads and removes.
    """
    from apache_beam.coders import FastPrimitivesCoder

    return FastPrimitivesCoder()


def hand_back(values: Any, directory: Path, name: str) -> None:
    """Write a collection to files, for the driver or another pipeline to read."""
    from apache_beam.io.tfrecordio import WriteToTFRecord

    _ = values | f"write {name}" >> WriteToTFRecord(str(directory / name), coder=coder())


def handed_back(directory: Path, name: str) -> Iterator[Any]:
    """Yield the values of a collection that was handed back, in no order."""
    for path in sorted(directory.glob(f"{name}-?????-of-?????")):
        yield from map(coder().decode, read_records(path))

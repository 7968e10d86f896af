"""The `slm` command: finds the command asked for, and turns errors into one message and an exit code."""

import errno
import importlib
import os
import signal
import sys
from typing import Any  # Any: click passes what it likes

import click

from slmcli import __version__
from slmcli.cli import COMMANDS
from slmcli.errors import SlmError
from slmcli.registry import hint
from slmcli.signals import Terminated, unwind_on_termination


class Failure(click.ClickException):
    """An error with an exit code of its own."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]  # click reads it from the instance too


class SlmGroup(click.Group):
    """A group that imports a command when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which they are used."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        return getattr(importlib.import_module(module), attribute)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Name the nearest command when there is none of that name."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(f"There is no command {args[0]!r}.{hint(args[0], COMMANDS)} Known: {', '.join(COMMANDS)}.", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; every error a user can cause becomes one message."""
        try:
            with unwind_on_termination():
                return super().invoke(ctx)
        except SlmError as error:
            if "--debug" in sys.argv:
                raise
            raise Failure(str(error), error.exit_code) from error
        except Terminated as error:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # who asks twice gets the same exit code
            raise Failure("terminated", 143) from error
        except KeyboardInterrupt as error:
            raise Failure("interrupted", 130) from error
        except BrokenPipeError:
            _silence_closed_pipe()
            raise Failure("the reader of the output went away", 1) from None
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                if "--debug" in sys.argv:
                    raise
                raise Failure(f"{error.filename or 'a file'}: {error.strerror or error}. Check the path.", 2) from error
            raise Failure(f"no space left on the device ({error.filename or 'output'}). Free some space.", 2) from error
        except MemoryError as error:
            raise Failure("out of memory. Pass a smaller --batch-size or --max-length, or give fewer texts.", 1) from error


def _silence_closed_pipe() -> None:
    """Keep Python from complaining again when it flushes standard output at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.group(cls=SlmGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="slm")
def main() -> None:
    """Small language models: trained, judged and shipped on the machine you have.

    In an empty folder: slm preprocess, slm finetune, slm evaluate, slm export, slm predict "A text."
    """

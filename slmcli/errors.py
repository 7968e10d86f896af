"""Errors that a user can cause, each with the exit code of the command that meets it.

    SlmError                    1   expected failure
    ├── ConfigError             2   wrong settings, unknown names, wrong usage
    │   └── OutputError         2   the output exists, is of other settings, or cannot be written
    ├── DataError               3   a corpus that cannot be used
    │   ├── DatasetError        3   an encoded dataset that cannot be used
    │   ├── BundleError         3   a bundle or run that is damaged, incomplete or of another kind
    │   └── FormatVersionError  3   a file written by a newer release
    ├── GateError               4   a quality gate was missed, parity included
    ├── MissingPackageError     1   an optional package is not installed
    ├── DownloadError           1   a file cannot be fetched
    └── Interrupted             130 stopped by a signal, work saved

Messages have three parts: where and what is wrong, the value, the repair.
"""


class SlmError(Exception):
    """Base of every error that is the user's to repair."""

    exit_code = 1


class ConfigError(SlmError):
    """A setting, name or option is wrong."""

    exit_code = 2


class OutputError(ConfigError):
    """An output directory exists already, or cannot be written."""


class DataError(SlmError):
    """A corpus cannot be used as it is."""

    exit_code = 3


class DatasetError(DataError):
    """An encoded dataset is missing, damaged or does not fit."""


class BundleError(DataError):
    """A bundle or a run is missing, damaged or does not fit."""


class FormatVersionError(DataError):
    """A file has a newer format than this release reads."""


class GateError(SlmError):
    """A result misses a stated quality."""

    exit_code = 4


class MissingPackageError(SlmError):
    """An optional package is needed and not installed."""


class DownloadError(SlmError):
    """A file cannot be fetched from where it is published."""


class Interrupted(SlmError):  # noqa: N818  (it is no error: the work is saved)
    """A signal stopped the work; what was reached is saved."""

    exit_code = 130

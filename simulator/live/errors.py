"""What ends a live run before it begins; each carries the exit code of the command line."""

from __future__ import annotations

from simulator.measure.verdict import ExitCode


class LiveError(Exception):
    """A live run that cannot take place; the message says why and what would help."""

    exit_code = int(ExitCode.INTERNAL)


class RefusedError(LiveError):
    """The run as asked for is not possible or not allowed here."""

    exit_code = int(ExitCode.USAGE)


class TargetUnreachableError(LiveError):
    """The CSMS cannot be reached, or does not speak OCPP-J."""

    exit_code = int(ExitCode.TARGET_UNREACHABLE)


class ShardLostError(LiveError):
    """No shard came up."""

    exit_code = int(ExitCode.SHARD_LOST)

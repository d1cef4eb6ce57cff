"""Frame traces: which stations are traced, and the JSONL that their frames become.

Only WebSocket text frames pass here; the handshake (and with it the Authorization header) never
does. ``shard`` writes, ``run`` joins the shards' files into one ``frames.jsonl``.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from hashlib import blake2b
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec

from simulator.live.frames import masked
from simulator.store.atomic import replacing

if TYPE_CHECKING:
    from simulator.store.redact import Redactor


class TraceError(ValueError):
    """A ``--trace`` item that names nothing; the message says what was expected."""


def parse_trace(items: str | Sequence[str]) -> tuple[str, ...]:
    """Split ``CSW-ring-road-0042,1%`` into its items; a sequence may hold several such lists."""
    lists = [items] if isinstance(items, str) else items
    return tuple(item.strip() for text in lists for item in text.split(",") if item.strip())


def choose_traced(items: Sequence[str], station_ids: Sequence[str]) -> frozenset[str]:
    """The stations to trace. An item is an id, a pattern with ``*`` or ``?``, or a percentage.

    A percentage is chosen by a hash of the id, so that the same stations are traced whatever the
    size of the fleet. Raises TraceError for an item that matches no station.
    """
    chosen: set[str] = set()
    known = frozenset(station_ids)
    for item in items:
        if item.endswith("%"):
            chosen |= _share(item, station_ids)
        elif any(c in item for c in "*?["):
            matches = {i for i in station_ids if fnmatchcase(i, item)}
            if not matches:
                raise TraceError(f"--trace {item}: no station matches")
            chosen |= matches
        elif item in known:
            chosen.add(item)
        else:
            raise TraceError(f"--trace {item}: no such station{_nearest(item, station_ids)}")
    return frozenset(chosen)


def _share(item: str, station_ids: Sequence[str]) -> set[str]:
    try:
        percent = float(item[:-1])
    except ValueError:
        percent = -1.0
    if not 0.0 <= percent <= 100.0:
        raise TraceError(f"--trace {item}: expected a percentage between 0 % and 100 %")
    bound = percent / 100.0 * 2.0**64
    return {i for i in station_ids if _hash(i) < bound}


def _hash(station_id: str) -> int:
    return int.from_bytes(blake2b(station_id.encode(), digest_size=8, person=b"trace").digest())


def _nearest(item: str, station_ids: Sequence[str]) -> str:
    from difflib import get_close_matches

    found = get_close_matches(item, station_ids, n=1, cutoff=0.5)
    return f"; did you mean {found[0]!r}?" if found else ""


class Tracer:
    """Appends frames of traced stations to one file, flushed when asked (each second).

    A file that cannot be written on, on a full disk say, ends the trace and not the run: ``tell``
    hears once why, and nothing more is written.
    """

    def __init__(
        self, path: Path, epoch_at_zero: float, tell: Callable[[str], None] = lambda _: None
    ) -> None:
        self._name = path.name
        self._epoch = epoch_at_zero
        self._tell = tell
        self._file: IO[bytes] | None = None
        with self._writing():
            self._file = path.open("wb")

    def write(self, now: float, station_id: str, sent: bool, frame: bytes) -> None:
        """Append one frame; ``now`` in seconds since T0."""
        file = self._file
        if file is None:
            return
        moment = datetime.fromtimestamp(self._epoch + now, UTC)
        line = (
            msgspec.json.encode(
                {
                    "utc": moment.isoformat(timespec="microseconds").replace("+00:00", "Z"),
                    "station": station_id,
                    "direction": "out" if sent else "in",
                    "message_id": _message_id(frame),
                    "frame": masked(frame),
                }
            )
            + b"\n"
        )
        with self._writing():
            file.write(line)

    def flush(self) -> None:
        """Hand what was written to the operating system."""
        with self._writing():
            if self._file is not None:
                self._file.flush()

    def close(self) -> None:
        """Flush and close."""
        with self._writing():
            file, self._file = self._file, None
            if file is not None:
                file.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """What fails here is the machine's failure: told as such, never as a connection's."""
        try:
            yield
        except OSError as error:
            file, self._file = self._file, None
            if file is not None:
                with suppress(OSError):  # what it still holds goes nowhere either
                    file.close()
            self._tell(f"no more frames to {self._name}: {error.strerror or error}")


def _message_id(frame: bytes) -> str | None:
    try:
        value = msgspec.json.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if isinstance(value, list) and len(value) > 1 and isinstance(value[1], str):
        return value[1]
    return None


def join_traces(parts: Iterable[Path], out: Path, redactor: Redactor | None = None) -> None:
    """Merge the shards' files, each in order of time, into ``out`` and remove them.

    ``redactor`` masks the secrets that the run knows, in whatever frame they stand. Raises
    StoreError where ``out`` cannot be written; the parts remain.
    """
    parts = [part for part in parts if part.exists()]
    with ExitStack() as stack:
        target = stack.enter_context(stack.enter_context(replacing(out)).open("wb"))
        files = [stack.enter_context(part.open("rb")) for part in parts]
        whole = ((line for line in file if line.endswith(b"\n")) for file in files)
        # Lines begin with the time in a fixed width, so that text order is time order.
        lines = heapq.merge(*whole)
        target.writelines(
            lines if redactor is None else (_redacted(row, redactor) for row in lines)
        )
    for part in parts:
        part.unlink()


def _redacted(line: bytes, redactor: Redactor) -> bytes:
    """The line with its frame redacted as the text it is, so that the line remains JSON."""
    row = msgspec.json.decode(line)
    frame = redactor.text(row["frame"])
    if frame == row["frame"]:
        return line
    return msgspec.json.encode(row | {"frame": frame}) + b"\n"

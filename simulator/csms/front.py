"""One HTTP API before several workers: asks the worker that holds a station.

Each worker answers on a local socket of its own (`Backstage`), a line of JSON each way; the parent
listens for HTTP (`Front`) and passes requests on. What no single worker can answer and nobody puts
together is refused with 501. Made by :mod:`simulator.csms.workers`.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from simulator.csms.routes import ROWS
from simulator.csms.views import SHOWN
from simulator.csms.web import HttpError, Reply, Request, WebServer
from simulator.scenario.problems import shown

if TYPE_CHECKING:
    from simulator.csms.central import CentralSystem

HERE: Final = ("_here",)
"""Path of the question which of some stations are connected to a worker."""
_MOST_LINE: Final = 64 << 20
_START_S: Final = 30.0
_ALONE: Final = ("summary", "transactions", "certificates")
"""First elements of paths that only one worker alone could answer."""


class Backstage:
    """A worker's end: answers the front as the HTTP API would."""

    def __init__(self, csms: CentralSystem, path: Path) -> None:
        self._csms = csms
        self._path = path
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_unix_server(
            self._serve, str(self._path), limit=_MOST_LINE
        )

    async def stop(self) -> None:
        """Answer nothing any more."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from simulator.csms.api import Api  # not paid for by who is asked nothing

        api = Api(self._csms)
        try:
            while line := await reader.readline():
                task = asyncio.get_running_loop().create_task(self._answer(api, line, writer))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        except (OSError, asyncio.CancelledError):
            pass  # the front is gone, or this worker stops
        writer.close()

    async def _answer(self, api: Any, line: bytes, writer: asyncio.StreamWriter) -> None:
        asked = json.loads(line)
        path = tuple(asked["path"])
        if path == HERE:
            names = json.loads(asked["body"])
            reply = Reply([name for name in names if self._csms.version_of(name) is not None])
        else:
            body = asked["body"].encode("latin-1")
            request = Request(asked["method"], path, asked["query"], asked["headers"], body)
            try:
                reply = await api(request)
            except HttpError as error:
                reply = Reply(error.body, error.status)
        told = {"id": asked["id"], "status": reply.status, "body": reply.body}
        writer.write(json.dumps(told).encode() + b"\n")


class _Worker:
    """The front's line to one worker."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._numbers = itertools.count()
        self._open: dict[int, asyncio.Future[Reply]] = {}
        self._gone = False
        self._task = asyncio.get_running_loop().create_task(self._hear())

    async def ask(self, request: Request) -> Reply:
        """Pass a request on; HttpError 503 where the worker is gone."""
        if self._gone:
            raise HttpError(503, "a worker of this CSMS is gone")
        number = next(self._numbers)
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._open[number] = answer
        told = {
            "id": number,
            "method": request.method,
            "path": request.path,
            "query": dict(request.query),
            "headers": dict(request.headers),
            "body": request.body.decode("latin-1"),
        }
        self._writer.write(json.dumps(told).encode() + b"\n")
        return await answer

    def close(self) -> None:
        """Ask nothing any more."""
        self._writer.close()
        self._task.cancel()

    async def _hear(self) -> None:
        try:
            while line := await self._reader.readline():
                told = json.loads(line)
                answer = self._open.pop(told["id"], None)
                if answer is not None and not answer.done():
                    answer.set_result(Reply(told["body"], told["status"]))
        except OSError:
            pass
        self._gone = True
        for answer in self._open.values():
            if not answer.done():
                answer.set_exception(HttpError(503, "a worker of this CSMS is gone"))
        self._writer.close()


class Front:
    """Answers requests to several workers as to one CSMS: ``await front(request)``."""

    def __init__(self, workers: Sequence[_Worker]) -> None:
        self._workers = workers
        self._holders: dict[str, _Worker] = {}
        """Where each station was last."""

    async def __call__(self, request: Request) -> Reply:
        """Pass a request to the worker, or the workers, that it is for."""
        head = request.path[0] if request.path else ""
        if head == "stations" and len(request.path) > 1:
            return await self._station(request)
        if head == "stations" and request.method == "GET":
            return await self._stations(request)
        if head == "broadcast" and request.method == "POST":
            return await self._broadcast(request)
        if head in _ALONE:
            text = f"/{head}: nobody puts it together while {len(self._workers)} workers run"
            raise HttpError(501, f"{text}; the end of the CSMS tells, and --sqlite has it")
        if head in ("tokens", "faults") and request.method in ("PUT", "POST"):
            return (await self._all(request))[0]
        return await self._workers[0].ask(request)

    async def _all(self, request: Request) -> list[Reply]:
        return list(await asyncio.gather(*(worker.ask(request) for worker in self._workers)))

    async def _station(self, request: Request) -> Reply:
        """Ask where the station is, or was last."""
        name = request.path[1]
        known = self._holders.get(name)
        if known is not None:
            reply = await known.ask(request)
            if not _absent(reply):
                return reply
        (found,) = (await self._where([name])).values()
        if found is not None:
            return await found.ask(request)
        replies = await self._all(request)  # gone, or never there: who knows it says which
        return next((reply for reply in replies if reply.status != 404), replies[0])

    async def _where(self, names: Sequence[str]) -> dict[str, _Worker | None]:
        """The worker to which each of some stations is connected."""
        question = Request("GET", HERE, {}, {}, json.dumps(names).encode())
        found: dict[str, _Worker | None] = dict.fromkeys(names)
        for worker, reply in zip(self._workers, await self._all(question), strict=True):
            for name in reply.body:
                found[name] = self._holders[name] = worker
        return found

    async def _stations(self, request: Request) -> Reply:
        """The rows of all; of a station that has been with several, the one it is with."""
        replies = await self._all(request)
        wrong = next((reply for reply in replies if reply.status != 200), None)
        if wrong is not None:
            return wrong
        rows: dict[str, Any] = {}
        for row in (row for reply in replies for row in reply.body["stations"]):
            if row["id"] not in rows or row["connected"]:
                rows[row["id"]] = row
        # Beyond the last row of a worker that has more, others may not have told all.
        ends = [reply.body["next"] for reply in replies if reply.body["next"] is not None]
        upto = min(ends, default=None)
        names = sorted(name for name in rows if upto is None or name <= upto)
        limit = int(request.query.get("limit", ROWS))
        more = upto is not None or len(names) > limit
        names = names[:limit]
        last = names[-1] if names and more else None
        return Reply({"stations": [rows[name] for name in names], "next": last})

    async def _broadcast(self, request: Request) -> Reply:
        """To each worker its own stations; the answers put together."""
        body = request.json()
        asked = body.get("stations")
        if not isinstance(asked, list) or not all(isinstance(name, str) for name in asked):
            return _sum(await self._all(request))
        where = await self._where(list(dict.fromkeys(asked)))
        absent = [name for name, worker in where.items() if worker is None]
        if absent:
            rows = [
                {"field": "stations", "value": shown(name), "expected": "a connected station"}
                for name in absent
            ]
            text = "; ".join(f"stations: value {row['value']}" for row in rows[:20])
            raise HttpError(400, f"the body is wrong: {text}: expected a connected station", rows)
        parts = []
        for worker in self._workers:
            own = [name for name, holder in where.items() if holder is worker]
            if own or not where:
                told = json.dumps(body | {"stations": own}).encode()
                parts.append(worker.ask(Request("POST", request.path, {}, request.headers, told)))
        return _sum(await asyncio.gather(*parts))


def _absent(reply: Reply) -> bool:
    """The station is not with this worker, and nothing was sent to it."""
    if not isinstance(reply.body, Mapping):
        return False
    if reply.status == 200:
        return reply.body.get("connected") is False
    return reply.status in (404, 409) and "error" in reply.body and "result" not in reply.body


def _sum(replies: Sequence[Reply]) -> Reply:
    """The answers to a broadcast as one; the first that is none stands for all."""
    wrong = next((reply for reply in replies if reply.status != 200), None)
    if wrong is not None:
        return wrong
    results: Counter[str] = Counter()
    statuses: Counter[str] = Counter()
    outcomes: list[Any] = []
    for reply in replies:
        results.update(reply.body["results"])
        statuses.update(reply.body["statuses"])
        outcomes += reply.body["outcomes"]
    outcomes.sort(key=lambda row: row["result"] == "answered")
    return Reply(
        {
            "stations": sum(reply.body["stations"] for reply in replies),
            "results": dict(results),
            "statuses": dict(statuses),
            "outcomes": outcomes[:SHOWN],
        }
    )


class FrontThread:
    """The front in a thread of the parent, which has no event loop of its own."""

    def __init__(self, host: str, port: int, paths: Sequence[Path]) -> None:
        self._place = host, port
        self._paths = paths
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.Event | None = None
        self._error: OSError | None = None
        self.url = ""
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def start(self) -> None:
        """Listen. Raises OSError if the port is taken."""
        self._thread.start()
        self._ready.wait(_START_S)
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Answer nothing any more."""
        if self._loop is not None and self._ending is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ending.set)
            self._thread.join()

    async def _run(self) -> None:
        self._loop, self._ending = asyncio.get_running_loop(), asyncio.Event()
        workers: list[_Worker] = []
        try:
            for path in self._paths:
                ends = await asyncio.open_unix_connection(str(path), limit=_MOST_LINE)
                workers.append(_Worker(*ends))
            web = WebServer(*self._place, Front(workers))
            await web.start()
        except OSError as error:
            self._error = error
            return
        finally:
            if self._error is not None:
                self._ready.set()
        self.url = web.url
        self._ready.set()
        await self._ending.wait()
        await web.stop()
        for worker in workers:
            worker.close()

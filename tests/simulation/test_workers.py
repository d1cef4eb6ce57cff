"""Work spread over processes: order, errors, workers that die, and none left over."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

import psutil
import pytest

from simulator.scenario import Problem, ScenarioError
from simulator.simulation.worker import portable
from simulator.simulation.workers import Spread, WorkerLostError


class Doubling:
    """Doubles numbers; gathers how many."""

    def __init__(self, _: Any) -> None:
        self._seen = 0

    def __call__(self, task: Any) -> Any:
        if isinstance(task, str):
            raise ScenarioError([Problem("", "here", task, "a number")])
        self._seen += 1
        return 2 * task

    def finish(self) -> int:
        return self._seen


def test_in_this_process_it_is_a_loop() -> None:
    with Spread(Doubling, None, [1, 2, 3], 1) as work:
        assert list(work) == [2, 4, 6]
    assert work.finished == [3]


def test_an_error_crosses_with_its_problems_and_its_traceback() -> None:
    try:
        Doubling(None)("x")
    except ScenarioError as error:
        found = portable(error)
    assert isinstance(found, ScenarioError)
    assert found.problems[0].value == "x"
    assert "Traceback" in found.__notes__[0]


def test_an_error_that_cannot_be_pickled_crosses_as_its_words() -> None:
    class LocalError(Exception):
        pass

    found = portable(LocalError("odd"))
    assert isinstance(found, RuntimeError) and str(found) == "LocalError: odd"


def _children() -> list[psutil.Process]:
    return [c for c in psutil.Process().children() if c.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.process
def test_results_come_in_the_order_of_the_tasks_and_no_worker_stays() -> None:
    from simulator.simulation.replicate import Trials

    # A task that is no trial: the work of the workers fails at once, in words.
    with (
        pytest.raises(AttributeError, match="scenario"),
        Spread(Trials, None, [1, 2, 3], 2) as work,
    ):
        list(work)
    assert not _children()


@pytest.mark.process
def test_a_worker_that_is_killed_is_a_clear_error() -> None:
    from simulator.simulation.replicate import Trials

    with Spread(Trials, None, list(range(2)), 2) as work:
        results = iter(work)

        # Nobody has been started before the first result is asked for; stop the workers as soon
        # as they are there, so that they cannot answer before they are killed.
        def kill() -> None:
            while not _children():
                time.sleep(0.005)
            os.kill(_children()[0].pid, signal.SIGKILL)

        threading.Thread(target=kill).start()
        with pytest.raises(WorkerLostError, match="killed by SIGKILL"):
            next(results)
    assert not _children()

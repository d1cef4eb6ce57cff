"""``[live]`` and ``[validity]`` of a scenario file: how a plan is played, and when that counts.

Stages and storms stand in files of their own, `stage_model` and `storm_model`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from simulator.scenario import fields as f
from simulator.scenario.stage_model import Stage
from simulator.scenario.storm_model import Storm
from simulator.scenario.table import Table


class Live(Table):
    """How the plan is played against a real CSMS."""

    speed: Annotated[
        float, Field(gt=0, le=f.FASTEST, description="Compresses stays and gaps, not the clock.")
    ] = 1.0
    from_: Annotated[
        f.Clock, Field(alias="from", description="Local time of day at which the run starts.")
    ] = "00:00"
    stages: Annotated[
        tuple[Stage, ...], Field(strict=False, min_length=1, description="Played one by one.")
    ] = Field(
        default_factory=lambda: (
            Stage.model_validate({"kind": "ramp", "for": "20s", "to": "100 %"}),
            Stage.model_validate({"kind": "hold", "for": "100s"}),
        )
    )
    storms: Annotated[
        tuple[Storm, ...], Field(strict=False, description="Bad moments, by name and time.")
    ] = ()
    shards: Annotated[
        int | None, Field(ge=1, description="Processes; default: one per 5 000 stations.")
    ] = None
    call_timeout: Annotated[f.Duration, Field(description="Wait for the answer to a call.")] = 30.0
    connect_timeout: Annotated[f.Duration, Field(description="Wait for a connection.")] = 20.0
    heartbeat: Annotated[
        f.Duration | None, Field(description="Heartbeat interval until the CSMS sets one.")
    ] = None
    clock_spread: Annotated[
        f.DurationOrZero,
        Field(
            description="How far the stations' clocks are off, standard deviation: they read their"
            " meters by them."
        ),
    ] = 1.0
    quarter_hour_at: Annotated[
        f.Duration | None,
        Field(
            description="So long after the start a quarter of an hour strikes; the start waits for"
            " that, 15 minutes at most. Default: it does not."
        ),
    ] = None
    check_answers: Annotated[
        int,
        Field(
            ge=0,
            le=1_000_000,
            description="Hold one in so many answers of each type against its schema, the first"
            " always; 1: all, 0: none. Calls of the CSMS are always checked.",
        ),
    ] = 10
    deflate: Annotated[
        int | None,
        Field(
            ge=9,
            le=15,
            description="Window bits of permessage-deflate, which stations then offer; default:"
            " no compression. A connection that compresses takes 17 KB more with 9 bits, 21 KB"
            " with 10, 47 KB with 12, 137 KB with 15 (tests/benchmarks/bench_deflate.py).",
        ),
    ] = None
    max_rate: Annotated[
        f.Rate | None, Field(description="Calls per second that the run may not exceed.")
    ] = None
    sources: Annotated[
        tuple[Annotated[str, f.SOURCE], ...],
        Field(
            strict=False,
            description="Local addresses to connect from, in turn by station; none: the system's.",
        ),
    ] = ()
    pin: Annotated[
        bool,
        Field(
            description="All stations stay with one address of the host; else they spread over all,"
            " and the name is looked up again every 60 s."
        ),
    ] = False
    transfer_hosts: Annotated[
        tuple[str, ...],
        Field(
            strict=False,
            description="Hosts with which firmware and logs are really transferred, by HTTP or "
            "HTTPS; none: a transfer only takes its time.",
        ),
    ] = ()


class Validity(Table):
    """What the generator may show before a live run is INVALID. The defaults are the rules."""

    generator_wait_p99: Annotated[
        f.Lateness, Field(description="Calls written late by the generator, 99th percentile.")
    ] = 0.005
    generator_wait_share: Annotated[
        f.Ratio, Field(description="Or this share of the service time's p99, if that is more.")
    ] = 0.05
    loop_lag_p99: Annotated[
        f.Lateness, Field(description="Lag of the event loop, 99th percentile.")
    ] = 0.010
    api_wait_p99: Annotated[
        f.Lateness, Field(description="Calls of the CSMS's API made late, 99th percentile.")
    ] = 0.020
    connect_late_p99: Annotated[
        f.Lateness, Field(description="Stations switched on late, 99th percentile.")
    ] = 1.0
    sends_achieved: Annotated[
        f.Ratio, Field(description="Calls written of those that the generator could write.")
    ] = 0.98
    cpu_share: Annotated[f.Ratio, Field(description="Share of a core that counts as busy.")] = 0.85
    cpu_for: Annotated[f.Lateness, Field(description="Busy for so long on end.")] = 5.0
    gc_pause_max: Annotated[f.Lateness, Field(description="Longest garbage collection.")] = 0.020
    record_cost: Annotated[f.Ratio, Field(description="Share of CPU time for measuring.")] = 0.05
    throttled: Annotated[
        int, Field(ge=0, le=f.MOST_WAITING, description="Periods without CPU, by a control group.")
    ] = 0
    steal: Annotated[
        f.Ratio, Field(description="Share of CPU time that a hypervisor gave to others.")
    ] = 0.05
    local_errors: Annotated[
        int,
        Field(ge=0, le=f.MOST_WAITING, description="Connections without descriptor or port."),
    ] = 0

"""The state of one site as the kernel sees it: flat records in a handful of arrays.

Layouts only; no behaviour and no compiler here. All powers and energies stand on the grid side,
all times are plan seconds. ``index`` fields count from 0, -1 means none. Flags are integers 0 / 1.

A vehicle's course is kept as its current *piece* (see ``charging/curve.py``): anchored at
(``anchor_s``, ``anchor_soc``), it starts with ``power_kw``, changes by ``slope`` kW per unit of
SoC and ends at (``end_s``, ``end_soc``). Only a decision or the end of a piece moves an anchor.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from simulator.engine.plan import Outcome

SERVED = int(Outcome.SERVED)
RUNNING = int(Outcome.RUNNING)
WAITING = int(Outcome.WAITING)
BLOCKED = int(Outcome.BLOCKED)
RENEGED = int(Outcome.RENEGED)
UNSUITABLE = int(Outcome.UNSUITABLE)
FUTURE = int(Outcome.FUTURE)
BALKED = int(Outcome.BALKED)
FAILED = int(Outcome.FAILED)
NO_SHOW = int(Outcome.NO_SHOW)

BLOCK = 32
"""EVSEs per block of the two-level search for the next due time."""

LOOK_FOR = -math.inf
"""Instead of a block's next due time: it has changed."""

SITE = np.dtype(
    [
        ("limit_kw", "f8"),  # what the vehicles may draw: grid or curtail_kw less base_kw, or 0
        ("feed_kw", "f8"),  # what they may give back: grid_kw and base_kw, 0 at least
        ("grid_kw", "f8"),  # of the grid connection
        ("curtail_kw", "f8"),  # what may be drawn of it for the time being, or inf
        ("base_kw", "f8"),  # net other load in force: other_kw and, unless dark, standby_kw
        ("other_kw", "f8"),  # building - PV - battery
        ("standby_kw", "f8"),  # what the stations take for themselves
        ("arrive_s", "f8"),  # arrival of next_visit, or inf
        ("rotate_period_s", "f8"),
        ("interval_s", "f8"),
        ("interval_start_s", "f8"),  # of the interval last booked
        ("interval_stop_s", "f8"),
        ("interval", "i8"),
        ("now_s", "f8"),  # the last decision
        ("call_s", "f8"),  # a decision asked for from outside, or inf
        ("rotate_s", "f8"),  # next turn of those who pause, or inf
        ("policy_period_s", "f8"),  # re-evaluation of keys that change with time, or inf
        ("policy_s", "f8"),  # the next one, or inf
        ("renege_s", "f8"),  # next departure from the queue, or inf
        ("limit_bound_s", "f8"),  # any limit of the site or of its tree
        ("grid_bound_s", "f8"),  # the site's own
        ("peak_kw", "f8"),
        ("peak_s", "f8"),
        ("net_peak_kw", "f8"),  # of vehicles and other load together
        ("net_peak_s", "f8"),
        ("ceiling_kw", "f8"),  # no smaller than the load until the next decision
        ("demand_kw", "f8"),  # what all vehicles could take at most, unless stale
        ("stale", "i8"),  # who charges or a limit has changed since demand_kw was summed up
        ("greedy", "i8"),
        ("record_caps", "i8"),
        ("events", "i8"),
        ("refresh_events", "i8"),  # when to sum up ceiling_kw anew, before rounding adds up
        ("next_visit", "i8"),  # the next to arrive, or -1
        ("next_change", "i8"),  # in the sorted table of changes
        ("free_evses", "i8"),
        ("queue_head", "i8"),
        ("queue_tail", "i8"),
        ("queue_length", "i8"),
        ("queue_room", "i8"),  # most that may wait; -1: no end
        ("caps_length", "i8"),
        ("pausing", "i8"),  # vehicles that pause for want of their minimum
        ("dirty", "i8"),  # shares must be decided anew
        ("held", "i8"),  # the site limit holds somebody back
        ("turn", "i8"),  # this decision is a turn of those who pause
        ("priced", "i8"),  # sessions keep account of cost and carbon
        ("discharging", "i8"),  # vehicles that discharge now
        ("feeds", "i8"),  # a controller asks somebody to give back
        ("dark", "i8"),  # no power at the stations
        ("turns", "i8"),  # a greedy policy that hands on the turn
        ("restless", "i8"),  # keys change while a vehicle charges
        ("sorted", "i8"),  # that order is by key, which nothing has changed since
        ("listed", "i8"),  # length of the order that greedy policies keep
    ],
    align=True,
)

STATION = np.dtype(
    [
        ("limit_kw", "f8"),
        ("committed_kw", "f8"),  # sum of the largest powers of those who charge
        ("first", "i8"),  # its EVSEs are first..stop-1
        ("stop", "i8"),
        ("dirty", "i8"),
        ("curbed", "i8"),  # a limit above its EVSEs holds somebody back
        ("node", "i8"),  # the node of the limit tree that it hangs under
        ("split", "i8"),  # SPLIT_POLICY, SPLIT_EQUAL or SPLIT_MODULES
        ("modules", "i8"),
        ("module_kw", "f8"),
        ("efficiency", "f8"),  # of its power electronics, 1 where the vehicle's has it all
        ("peak_kw", "f8"),  # largest instantaneous power, where EVSEs are recorded
        ("placed", "i8"),  # which station has this place in the order of the tree
    ],
    align=True,
)

EVSE = np.dtype(
    [
        # what every decision reads of every vehicle, side by side: a few lines of cache
        ("active", "i8"),  # plugged in and below its target
        ("visit", "i8"),
        ("control_kw", "f8"),  # a controller's limit, inf: none; below 0: discharge
        ("limit_kw", "f8"),
        ("min_kw", "f8"),
        ("end_s", "f8"),
        ("anchor_s", "f8"),
        ("anchor_soc", "f8"),
        ("end_soc", "f8"),
        ("power_kw", "f8"),  # below 0: gives back
        ("slope", "f8"),
        ("piece_kwh", "f8"),  # grid side, of the whole battery in the direction of the piece
        ("capacity_kwh", "f8"),  # grid side
        ("scale", "f8"),  # 1 / efficiency
        ("knot", "i8"),  # the curve's segment that holds the anchor
        ("knot_stop", "i8"),
        ("soc_now", "f8"),  # for policies, valid at a decision
        ("want_kw", "f8"),
        ("looked_s", "f8"),  # when soc_now was looked up
        ("least_kw", "f8"),  # of its curve, from the first knot to the target
        ("steady", "i8"),  # curve_kw holds until the piece ends
        ("paused", "i8"),
        ("cap_kw", "f8"),
        ("fresh", "i8"),  # started at this decision: its first cap is due
        ("plug_in_s", "f8"),
        ("departure_s", "f8"),
        ("target_soc", "f8"),
        ("turn_s", "f8"),  # since when it pauses or runs
        ("ran_s", "f8"),  # how long it ran in turns before
        ("curve_kw", "f8"),  # want_kw before any controller
        ("at_kw", "f8"),  # the curve's power at soc_now; below 0: not looked up
        ("key", "f8"),  # the policy's
        ("keyed", "i8"),  # the visit that it is of
        ("ceiling_kw", "f8"),  # largest power of the rest of the piece
        ("weight", "f8"),  # for policies
        ("kind", "i8"),  # phases that it draws on, see phases.py
        ("feed_kw", "f8"),  # what it gives back
        # the rest of the visit
        ("linger_s", "f8"),
        ("ready_s", "f8"),  # when its own timer starts it; inf once it may charge
        ("discharge_kw", "f8"),  # most that it can give back, grid side; 0: nothing
        ("reserve_soc", "f8"),  # never discharged below
        # the socket
        ("index", "i8"),
        ("evse_kw", "f8"),
        ("floor_kw", "f8"),  # least power: DC of the EVSE, AC of each phase
        ("free_since_s", "f8"),
        ("station", "i8"),
        ("phases", "i8"),
        ("dc", "i8"),
        ("wiring", "i8"),  # which phase its first conductor is on: 0..2; 3..5: line to line
        ("out", "i8"),  # out of service
        ("held_for", "i8"),  # the visit that it is reserved for, or -1
    ],
    align=True,
)

VISIT = np.dtype(
    [
        ("arrival_s", "f8"),
        ("departure_s", "f8"),
        ("linger_s", "f8"),
        ("patience_s", "f8"),
        ("soc", "f8"),
        ("target_soc", "f8"),
        ("battery_kwh", "f8"),
        ("ac_kw", "f8"),
        ("dc_kw", "f8"),
        ("efficiency_ac", "f8"),
        ("efficiency_dc", "f8"),
        ("ac_phases", "i4"),
        ("evse", "i4"),
        ("knot", "i4"),
        ("knot_stop", "i4"),
        ("most_ahead", "i4"),  # balks if more than these wait; -1: never, -2: always
        ("next_visit", "i4"),  # the same vehicle's next visit, or -1
        ("after", "i4"),  # the visit that arrives after it, or -1
        ("reserved", "i4"),  # the EVSE that is held for it, or -1
        ("no_show", "i4"),
        ("used_soc", "f8"),  # what it uses until then
        ("ready_s", "f8"),
        ("weight", "f8"),
        ("discharge_kw", "f8"),
        ("reserve_soc", "f8"),
    ],
    align=True,
)

SESSION = np.dtype(
    [
        ("plug_in_s", "f8"),
        ("charge_end_s", "f8"),
        ("unplug_s", "f8"),
        ("queue_end_s", "f8"),  # when it left the queue, either way
        ("limit_kw", "f8"),
        ("min_kw", "f8"),
        ("soc_end", "f8"),
        ("discharged_kwh", "f8"),  # grid side; what it charged follows from the SoC
        ("cost", "f8"),  # sum of price x energy, where priced
        ("carbon_kg", "f8"),
        ("outcome", "i4"),
        ("evse", "i4"),
        ("dc", "i4"),  # by which inlet its wants are counted
        ("queue_next", "i4"),
        ("queue_previous", "i4"),
        ("rerouted", "i4"),  # the driver went on to another site
    ],
    align=True,
)

NODE = np.dtype(
    [
        ("limit_kw", "f8"),
        ("parent", "i8"),  # -1: the site itself
        ("held", "i8"),
        ("bound_s", "f8"),
        ("held_s", "f8"),  # since when it holds somebody back
        ("first", "i8"),  # its stations have the places first..stop-1
        ("stop", "i8"),
        ("end", "i8"),  # the nodes below it follow it, up to here
        ("row", "i8"),  # its phasors are row..row_stop-1
        ("row_stop", "i8"),
        ("whole", "i8"),  # the grid connection: the other load is below it too
        ("free_kw", "f8"),  # its phasors cannot bind below this power
        ("demand_kw", "f8"),  # no less than what those below could take
        ("binds", "i8"),  # it could hold somebody back
        ("limit", "i8"),  # its number at this decision, or that of the next one above; -1: none
    ],
    align=True,
)
"""Limits between the site's and the stations', parents before children, each before the next."""

PHASOR = np.dtype(
    [
        ("node", "i8"),
        ("limit_kw", "f8"),
        ("simple", "i8"),
        ("base_re", "f8"),  # what the other load draws through the grid connection
        ("base_im", "f8"),
        ("conductor", "i8"),
        ("re", "f8"),  # what is drawn, while shares are worked out
        ("im", "f8"),
        ("slope_re", "f8"),
        ("slope_im", "f8"),
        ("room", "f8"),  # what of the limit is there for those who charge
    ],
    align=True,
)
"""A limit on one conductor: |sum of its coefficients times the power of each kind| <= limit.

``simple``: the coefficients are within 60 degrees, so more power is more current, and what is given
back never adds to what is drawn. Other conductors have several rows, see ``engine/wiring.py``.
"""

KINDS = 10
"""Ways to draw on three phases: 0 all three, 1-3 one to neutral, 4-6 two to neutral (L1 L2, L2 L3,
L3 L1), 7-9 line to line (likewise)."""

SITE_LIMIT, NODE_LIMIT, BASE_LOAD = range(3)

CHANGE = np.dtype([("time_s", "f8"), ("what", "i8"), ("node", "i8"), ("kw", "f8")], align=True)
"""What changes by the clock: a limit, or the other load of the site. Sorted by time."""

SPLIT_POLICY, SPLIT_EQUAL, SPLIT_MODULES = range(3)
"""Who shares a station's power among its EVSEs: the site's policy, or the hardware."""

CAP = np.dtype([("visit", "i8"), ("time_s", "f8"), ("kw", "f8")], align=True)

# Rows of the scratch arrays of a decision.
NO_CAPS, ALL_CAPS, PAUSES = range(3)
"""What of the caps is logged: nothing, every cap, or only where a vehicle pauses or goes on."""

FLOOR, WANT, WEIGHT, GIVE, SPARE, LIMIT, LEFT, SLOPE, FEED, ASKED, BY_KIND = range(11)
SCRATCH_ROWS = BY_KIND + 2 * KINDS
(
    MEMBER,
    GROUP,
    ORDER,
    PARENT,
    START,
    STOP,
    PLACE,
    HELD,
    NODE_AT,
    FIXED,
    NUMBER,
    LISTED,
    SERVED_AS,
) = range(13)
LINK_ROWS = SERVED_AS + 1
"""By member or limit; NUMBER by EVSE: the member that it is, as long as members are sorted, else
-1 (-2: not in the kept order, LISTED, either). SERVED_AS by EVSE: what the last decision meant."""

ANYHOW, FULLY, NOT_AT_ALL = range(3)
"""Values of the row SERVED_AS: look closer; all that it wants; it pauses. The latter two only where
no controller has a say: then the same again changes nothing."""


class State(NamedTuple):
    """All arrays of one site. Shapes: n EVSEs, s stations, v visits, k knots, i intervals."""

    site: Any  # SITE, (1,)
    stations: Any  # STATION, (s,)
    evses: Any  # EVSE, (n,)
    visits: Any  # VISIT, (v,)
    sessions: Any  # SESSION, (v,)
    knots_soc: Any  # f8, (k,)
    knots_kw: Any  # f8, (k,), battery side
    due_s: Any  # f8, (n,): the next event of each EVSE
    block_due_s: Any  # f8, (ceil(n / BLOCK),): the least of each block, or LOOK_FOR
    load_kwh: Any  # f8, (i,)
    caps: Any  # CAP, (room,)
    scratch: Any  # f8, (SCRATCH_ROWS, most of EVSEs and limits)
    links: Any  # i8, (LINK_ROWS, most of EVSEs and limits)
    nodes: Any  # NODE, (limits between site and station,)
    phasors: Any  # PHASOR, (p,)
    phasor_re: Any  # f8, (p, KINDS): current per kW of each kind
    phasor_im: Any  # f8, (p, KINDS)
    changes: Any  # CHANGE, (c,)
    price: Any  # f8, (i,) or (0,): per kWh drawn in each interval
    feed_in: Any  # f8, (i,) or (0,): per kWh given back
    carbon: Any  # f8, (i,) or (0,): kg per kWh
    evse_kwh: Any  # f8, (n, i) or (0, i): load by EVSE, where asked for

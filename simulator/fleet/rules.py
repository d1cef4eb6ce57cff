"""Constants of the join: the slack that makes a predicted message count exact on a real clock.

Times are seconds of run time. Plan, player and prediction import them from here, and nothing else
may restate them.
"""

from __future__ import annotations

from typing import Final

BOOT_ALLOWANCE_S: Final = 2.0
"""A station plays no visit earlier than this after it is switched on."""

MIN_STAY_S: Final = 1.0
"""A visit whose played part would be shorter is left out of a live plan."""

CLOSING_S: Final = 5.0
"""The last seconds of a run, over which the stations end what still runs, ..."""

CLOSING_SHARE: Final = 0.05
"""... and the most that this may be of the whole run."""

SLACK_S: Final = 5.0
"""How late an answer of the CSMS may be without changing what the driver and the car do next.

A planned end waits this long for an authorisation that is still unanswered, and a car whose charge
began less than this late still stops at its planned moment. Beyond it the physics is worked out
again from what really happened, and a deviation says so.
"""

TAP_S: Final = 1.5
"""A driver who taps twice does so this long after the first time, and as long again after that
(a guess; both together must stay below the slack)."""

TRY_S: Final = 3.5
"""A driver who is refused and has another token presents it this long after the first one (a guess;
below the slack too)."""

TWICE_LEAST_S: Final = 10.0
"""A stay that is shorter in run time has no room for either, and is played plainly."""

TOKENS_PER_EVSE: Final = 4
"""Drivers who take turns at an EVSE; one at a time, so no token is ever used twice at once."""

MAINS_V: Final = 230.0
"""Line-to-neutral voltage of an AC station."""

MAINS_LINES: Final = 3
"""Lines of the mains that a DC station is fed by."""

PACK_EMPTY_V: Final = 340.0
PACK_FULL_V: Final = 410.0
"""Pack voltage at SoC 0 and 1 of a 400 V class battery, as a DC station reads it.

An assumption (about 96 cells in series between 3.5 V and 4.25 V); linear in between.
"""

NOMINAL_DC_V: Final = (PACK_EMPTY_V + PACK_FULL_V) / 2.0
"""By which a DC station tells currents from powers in a charging schedule."""

SPELL_S: Final = 2.0
"""A station that would be switched off, or on, for less than this stays as it was."""

LEAVE_S: Final = 1.0
"""A station that is to be switched off ends its transactions this long before, so that the CSMS
has been told, and has answered, when the connection goes."""

LEAVE_AT_MOST_S: Final = 5.0
"""A station that is switched off waits this long for answers that are still out."""

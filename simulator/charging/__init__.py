"""Physics of one charging session and the sharing of a limit, in plain scalar Python.

No clock, no OCPP, no files. Everything here stays inside numba's subset: the engine's kernel
compiles these very functions, the fleet calls them as they are.
"""

from simulator.charging.curve import advance_soc, drained_soc, power_at, time_to_soc
from simulator.charging.sharing import admit, fill, fill_tree, greedy

__all__ = [
    "admit",
    "advance_soc",
    "drained_soc",
    "fill",
    "fill_tree",
    "greedy",
    "power_at",
    "time_to_soc",
]

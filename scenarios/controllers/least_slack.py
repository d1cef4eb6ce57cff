"""A controller of one's own: a budget of power, for those first who have least time to spare.

The scenario names it as ``controllers/least_slack.py:limits``. It is asked at every tick with the
site as it is (``view``, arrays with one entry per EVSE) and what is known of the time to come
(``forecast``), and gives back a limit in kW for every EVSE: ``inf`` is none.
"""

import numpy as np

BUDGET_KW = 30.0


def limits(view, forecast):
    """Full power in order of slack until the budget is used up; nothing for the others."""
    to_go_s = view.departure_s - view.now_s
    at_full_power_s = 3600.0 * view.needed_kwh / np.maximum(view.limit_kw, 1e-9)
    slack_s = to_go_s - at_full_power_s
    left_kw = min(BUDGET_KW, view.site_limit_kw)
    result = np.zeros(len(view.visit))
    for evse in np.argsort(slack_s):
        if view.active[evse]:
            give_kw = min(left_kw, view.limit_kw[evse])
            if give_kw >= view.min_kw[evse]:
                result[evse] = give_kw
                left_kw -= give_kw
    return result

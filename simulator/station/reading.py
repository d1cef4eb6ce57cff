"""Reading a meter into text: a set of measurands, with the wire format that a version gave it.

A ``Reading`` is made once per set of measurands and shared; the version table supplies templates.
"""

from __future__ import annotations

from typing import Final

from simulator.station.ports import Meter

REGISTER: Final = 0
POWER: Final = 1
CURRENT: Final = 2
VOLTAGE: Final = 3
SOC: Final = 4
CODES: Final = {
    "Energy.Active.Import.Register": REGISTER,
    "Power.Active.Import": POWER,
    "Current.Import": CURRENT,
    "Voltage": VOLTAGE,
    "SoC": SOC,
}


class Reading:
    """``parts``: one printf template per measurand, each with one number in it.

    A meter that knows no SoC (an AC station, an empty EVSE) leaves that part out.
    """

    __slots__ = ("_codes", "_parts", "_rest", "_rest_codes", "_soc", "_whole", "measurands")

    def __init__(self, measurands: tuple[str, ...], parts: tuple[str, ...]) -> None:
        self.measurands = measurands
        self._codes = tuple(CODES[name] for name in measurands)
        self._parts = parts
        self._whole = ",".join(parts)
        self._soc = SOC in self._codes
        kept = [(c, p) for c, p in zip(self._codes, parts, strict=True) if c != SOC]
        self._rest_codes = tuple(code for code, _ in kept)
        self._rest = ",".join(part for _, part in kept)

    def take(self, meter: Meter, now: float, evse: int) -> str:
        """The values now, joined by commas; "" if there are none to give."""
        codes, template = self._codes, self._whole
        soc = 0.0
        if self._soc:
            percent = meter.soc_percent(now, evse)
            if percent is None:
                codes, template = self._rest_codes, self._rest
            else:
                soc = percent
        values = []
        for code in codes:
            if code == REGISTER:
                values.append(meter.register_wh(now, evse))
            elif code == POWER:
                values.append(meter.power_w(now, evse))
            elif code == CURRENT:
                values.append(meter.current_a(now, evse))
            elif code == VOLTAGE:
                values.append(meter.voltage_v(now, evse))
            else:
                values.append(soc)
        return template % tuple(values)

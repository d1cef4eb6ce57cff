"""What a station with charging profiles remembers. Data alone; a station without has none of it."""

from __future__ import annotations

from math import inf

from simulator.station.composite import Installed, Offer


class Smart:
    """The book of profiles, and what came of it."""

    __slots__ = ("book", "edge", "seen", "told")

    def __init__(self) -> None:
        self.book: list[Installed] = []
        self.told: dict[int, Offer] = {}
        """The limit that the meter was told, by EVSE; none where nothing limits."""
        self.seen = -inf
        """Unix time by the station's clock at which the limits were last worked out."""
        self.edge = inf
        """... and at which they may change next."""

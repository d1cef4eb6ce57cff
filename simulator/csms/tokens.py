"""How a token stands: what the file says, what a script has said since, or the default.

One register for both versions of OCPP; the point of each version words the answer. No files, no
OCPP types. Written by :mod:`simulator.csms.api`, read by the points.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

STATUSES = (
    "Accepted",
    "Blocked",
    "ConcurrentTx",
    "Expired",
    "Invalid",
    "NoCredit",
    "NotAllowedTypeEVSE",
    "NotAtThisLocation",
    "NotAtThisTime",
    "Unknown",
)
"""AuthorizationStatusEnumType of OCPP 2.0.1."""
STATUSES_16 = ("Accepted", "Blocked", "ConcurrentTx", "Expired", "Invalid")
"""AuthorizationStatus of OCPP 1.6. Any other is told to a 1.6 station as Invalid."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a station is told of a token."""

    status: str = "Accepted"
    group: str | None = None
    """The token of its group: groupIdToken, in 1.6 parentIdTag."""
    cache_expiry: str | None = None
    """Until when a station may keep this in its cache: a time as OCPP writes it."""

    @property
    def status_16(self) -> str:
        """The status in the words of OCPP 1.6."""
        return self.status if self.status in STATUSES_16 else "Invalid"


ACCEPTED = Standing()
INVALID = Standing("Invalid")


class Tokens:
    """The standing of every token. Tokens are case-insensitive in both versions."""

    def __init__(self, register: Mapping[str, str] | None = None) -> None:
        """Take ``register``: status by token in lower case; None accepts everybody."""
        self.default = ACCEPTED if register is None else INVALID
        self._known = {token: Standing(status) for token, status in (register or {}).items()}

    def standing(self, token: str) -> Standing:
        """Return how a token stands."""
        return self._known.get(token.casefold(), self.default)

    def put(self, token: str, standing: Standing) -> None:
        """Change how a token stands, from now on."""
        self._known[token.casefold()] = standing

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[tuple[str, Standing]]:
        """Yield the tokens that are known by name, in lower case."""
        return iter(sorted(self._known.items()))

"""Requests that are refused with a CALLERROR. The words for it are the version's."""

from __future__ import annotations

from typing import Final

NOT_IMPLEMENTED: Final = "NotImplemented"
NOT_SUPPORTED: Final = "NotSupported"
INTERNAL: Final = "InternalError"


class Refusal(Exception):  # noqa: N818 - it is the answer, not a fault
    """A request that is answered with a CALLERROR."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text

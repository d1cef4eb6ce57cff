"""permessage-deflate (RFC 7692) as stations offer it: window bits in, an extension to offer out.

Called by ``connection``. Without it nothing is compressed, which is the default: most stations do
not, and it costs memory for two windows on each connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

from websockets.client import ClientProtocol
from websockets.extensions import ClientExtensionFactory
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

_LEAST_MEMORY: Final = 2
"""zlib's memLevel for 9 bits; one more for each bit, as far as 8."""

DECLINED: Final = "declines permessage-deflate: frames are not compressed"


@cache
def offers(window_bits: int | None) -> Sequence[ClientExtensionFactory] | None:
    """What a station offers for windows of so many bits (9 to 15) in both directions."""
    if window_bits is None:
        return None
    settings = {"memLevel": min(window_bits - 9 + _LEAST_MEMORY, 8)}
    return (
        ClientPerMessageDeflateFactory(
            server_max_window_bits=window_bits,
            client_max_window_bits=window_bits,
            compress_settings=settings,
        ),
    )


def agreed(protocol: ClientProtocol) -> bool:
    """The other end took up what was offered."""
    return bool(protocol.extensions)

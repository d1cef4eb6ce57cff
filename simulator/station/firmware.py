"""Firmware updates (1.6 §5.19; whitepaper and 2.0.1 L01, L02): fetch, check, install, reboot.

The file is fetched by the driver (``Download``), which answers with ``transferred``; everything
else happens here. Installation waits until no EVSE is in use, and those that are free are kept out
of service meanwhile (L01.FR.07). The new firmware boots, says its version, and is ``Installed``.
What may go wrong comes from the driver, from the signature, or from the settings' ``faults``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from math import inf
from typing import Final

from simulator.station import notices, reset, security, statuses, timers
from simulator.station.effects import Abandon, Download
from simulator.station.events import Event
from simulator.station.model import Evse, Link, Registration
from simulator.station.ports import Transfer
from simulator.station.state import State

_VERSION: Final = re.compile(r"\d+(?:\.\d+)+")
_ENDING: Final = re.compile(r"\.[A-Za-z]\w{0,4}$")
MOST_RETRIES: Final = 100


class Stage(IntEnum):
    """Where an update stands."""

    SCHEDULED = 0
    DOWNLOADING = 1
    SCHEDULED_INSTALL = 2
    WAITING = 3
    """For the EVSEs in use."""
    INSTALLING = 4
    REBOOTING = 5
    BOOTING = 6
    """With the new firmware, until the CSMS accepts it."""
    BROKEN_OFF = 7
    """A reset broke the download off: it begins anew."""


@dataclass(frozen=True, slots=True)
class Order:
    """What the CSMS asked for; times are seconds of the run."""

    url: str
    retrieve_at: float
    install_at: float = -inf
    request_id: int | None = None
    retries: int | None = None
    """After the first try; None: the settings' own."""
    retry_s: float | None = None
    certificate: str | None = None
    """The signer's, in PEM, already found good; None: the firmware is not signed."""
    signature: str = ""
    secured: bool = False
    """Asked for by the message of the 1.6 security whitepaper, and told by its own."""


class Update:
    """One update under way."""

    __slots__ = ("order", "stage", "transfer", "tries")

    def __init__(self, order: Order) -> None:
        self.order = order
        self.stage = Stage.SCHEDULED
        self.tries = 0
        self.transfer = 0

    @property
    def under_way(self) -> bool:
        """Not waiting for a moment that was asked for."""
        return self.stage not in (Stage.SCHEDULED, Stage.SCHEDULED_INSTALL)


class Firmware:
    """What a station knows of its firmware once an update was ever asked for."""

    __slots__ = ("order", "told", "update", "version")

    def __init__(self) -> None:
        self.update: Update | None = None
        self.version: str | None = None
        """Installed since the station was built."""
        self.order: Order | None = None
        """The last one."""
        self.told = "Idle"
        """The status last told, of that order."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What a notice of an update tells."""

    status: str
    request_id: int | None
    secured: bool


def busy(st: State) -> bool:
    """Is an update under way?"""
    return st.firmware is not None and st.firmware.update is not None


def installing(st: State) -> bool:
    """Is firmware being written? A reset would leave the station with none."""
    update = None if st.firmware is None else st.firmware.update
    return update is not None and update.stage in (Stage.INSTALLING, Stage.REBOOTING)


def version(st: State) -> str:
    """The firmware's version."""
    installed = None if st.firmware is None else st.firmware.version
    return installed or st.identity.firmware


def begin(order: Order, st: State, now: float) -> None:
    """The answer is on its way: cancel what was under way, and begin (at the time asked for)."""
    if st.firmware is None:
        st.firmware = Firmware()
    _cancel(st, now)
    update = st.firmware.update = Update(order)
    st.firmware.order = order
    if order.retrieve_at > now:
        _tell(st, now, update, "DownloadScheduled")
        timers.at(st, order.retrieve_at, partial(_download, update))
    else:
        _download(update, st, now, now)


def _cancel(st: State, now: float) -> None:
    assert st.firmware is not None
    update = st.firmware.update
    if update is None:
        return
    if update.stage is Stage.DOWNLOADING:
        st.effects.append(Abandon(update.transfer))
    st.firmware.update = None
    _release(st, now)


def _current(st: State, update: Update) -> bool:
    return st.firmware is not None and st.firmware.update is update


def _tell(st: State, now: float, update: Update, status: str) -> None:
    assert st.firmware is not None
    st.firmware.told = status
    order = update.order
    event = Event.SIGNED_FIRMWARE if order.secured else Event.FIRMWARE
    notices.tell(st, now, event, Progress(status, order.request_id, order.secured))


def _end(st: State, now: float, update: Update, status: str) -> None:
    """The update is over, well or not."""
    assert st.firmware is not None
    st.firmware.update = None
    _tell(st, now, update, status)
    _release(st, now)


# -- fetching -------------------------------------------------------------------------------------


def _download(update: Update, st: State, now: float, due: float) -> None:
    if not _current(st, update):
        return
    if update.stage is not Stage.DOWNLOADING:
        update.stage = Stage.DOWNLOADING
        _tell(st, now, update, "Downloading")
    st.orders += 1
    update.transfer = st.orders
    st.effects.append(Download(update.transfer, update.order.url))


def transferred(st: State, now: float, number: int, outcome: Transfer, digest: bytes) -> bool:
    """A transfer ended; False: it was none of an update. ``digest``: SHA-256, "" if unknown."""
    update = None if st.firmware is None else st.firmware.update
    if update is None or update.transfer != number or update.stage is not Stage.DOWNLOADING:
        return False
    update.transfer = 0
    if outcome is Transfer.DONE and not _fails(st, "DownloadFailed"):
        _downloaded(st, now, update, digest)
        return True
    order, s = update.order, st.settings
    update.tries += 1
    most = s.transfer_retries if order.retries is None else min(order.retries, MOST_RETRIES)
    if update.tries > most:
        _end(st, now, update, "DownloadFailed")
        return True
    wait = s.transfer_retry_s if order.retry_s is None else max(order.retry_s, 0.0)
    timers.at(st, now + wait, partial(_download, update))
    return True


def _fails(st: State, fault: str) -> bool:
    """Do the settings let this go wrong here?"""
    share = st.settings.faults.get(fault, 0.0)
    return share > 0.0 and st.draws.uniform() < share


def _downloaded(st: State, now: float, update: Update, digest: bytes) -> None:
    _tell(st, now, update, "Downloaded")
    order = update.order
    if order.certificate is not None:
        if _fails(st, "InvalidSignature") or not security.firmware_signed(
            st, order.certificate, order.signature, digest
        ):
            _end(st, now, update, "InvalidSignature")
            security.note(st, now, "InvalidFirmwareSignature", order.url, tell=True)
            return
        _tell(st, now, update, "SignatureVerified")
    if order.install_at > now:
        update.stage = Stage.SCHEDULED_INSTALL
        _tell(st, now, update, "InstallScheduled")
        timers.at(st, order.install_at, partial(_ready, update))
    else:
        _ready(update, st, now, now)


# -- installing -----------------------------------------------------------------------------------


def _ready(update: Update, st: State, now: float, due: float) -> None:
    """It may be installed as soon as nothing is in use."""
    if not _current(st, update):
        return
    told_already = update.stage is Stage.SCHEDULED_INSTALL
    update.stage = Stage.WAITING
    if any(_in_use(evse) for evse in st.evses) and not told_already:
        _tell(st, now, update, "InstallScheduled")
    check(st, now)


def check(st: State, now: float) -> None:
    """Something happened: the update may have waited for it."""
    update = None if st.firmware is None else st.firmware.update
    if update is None:
        return
    if update.stage is Stage.WAITING:
        if st.resetting in ("", "idle"):  # one on idle waits for this
            _wait(st, now, update)
    elif st.link is Link.OFF:
        _went_down(st, now, update)
    elif st.registration is Registration.ACCEPTED:
        _came_up(st, now, update)


def _went_down(st: State, now: float, update: Update) -> None:
    """The reboot after the installation, or another that broke a download off."""
    assert st.firmware is not None
    if update.stage is Stage.REBOOTING:
        update.stage = Stage.BOOTING
        st.firmware.version = named(update.order.url)
        _release(st, now)
    elif update.stage is Stage.DOWNLOADING and update.transfer:
        st.effects.append(Abandon(update.transfer))
        update.transfer = 0
        update.stage = Stage.BROKEN_OFF


def _came_up(st: State, now: float, update: Update) -> None:
    """The CSMS accepts the station."""
    if update.stage is Stage.BOOTING:
        _end(st, now, update, "Installed")
        security.note(st, now, "FirmwareUpdated", version(st))
    elif update.stage is Stage.BROKEN_OFF:
        _download(update, st, now, now)


def _wait(st: State, now: float, update: Update) -> None:
    """Install, unless an EVSE is in use; keep free ones from use."""
    used = False
    for evse in st.evses[1:]:
        if _in_use(evse):
            used = True
        elif not st.conf.sessions_before_update:
            _withhold(st, now, evse)
    if used:
        return
    update.stage = Stage.INSTALLING
    for evse in st.evses[1:]:
        _withhold(st, now, evse)
    _tell(st, now, update, "Installing")
    timers.at(st, now + st.settings.install_s, partial(_installed, update))


def _in_use(evse: Evse) -> bool:
    return evse.tx is not None or evse.auth is not None or evse.token is not None


def _withhold(st: State, now: float, evse: Evse) -> None:
    if not evse.withheld:
        evse.withheld = True
        statuses.update(st, now, now, evse)


def _release(st: State, now: float) -> None:
    for evse in st.evses:
        if evse.withheld:
            evse.withheld = False
            statuses.update(st, now, now, evse)


def _installed(update: Update, st: State, now: float, due: float) -> None:
    """The installation took its time: reboot into the new firmware."""
    if not _current(st, update):
        return
    for fault in ("InstallVerificationFailed", "InstallationFailed"):
        if _fails(st, fault):
            _end(st, now, update, fault)
            return
    update.stage = Stage.REBOOTING
    _tell(st, now, update, "InstallRebooting")
    st.boot_reason = "FirmwareUpdate"
    reset.begin(st, now, hard=False)


def named(url: str) -> str:
    """The version that a file's name tells: its last number with dots, else the name itself."""
    name = url.split("?")[0].split("#")[0].rstrip("/").rsplit("/", 1)[-1]
    stem = _ENDING.sub("", name)
    found = _VERSION.findall(stem)
    return (found[-1] if found else stem or "new")[:50]


def last(st: State) -> Progress:
    """What to say when asked out of turn: the last status, Idle once it is Installed."""
    firmware = st.firmware
    if firmware is None or firmware.order is None or firmware.told in ("Installed", "Idle"):
        return Progress("Idle", None, False)
    order = firmware.order
    return Progress(firmware.told, order.request_id, order.secured)

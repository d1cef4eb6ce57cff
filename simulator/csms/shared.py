"""What every connection of one CSMS works with, made out of the files that the options name.

Who needs no certificates does not load their libraries. Made by :mod:`simulator.csms.central`,
used by :mod:`simulator.csms.desk`.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from simulator.csms.books import Books
from simulator.csms.faults import Mischief
from simulator.csms.holdings import Holdings
from simulator.csms.journal import Journal
from simulator.csms.options import CsmsOptions
from simulator.csms.tokens import Tokens
from simulator.scenario.problems import InputError, Problem

if TYPE_CHECKING:
    from simulator.csms.authority import Authority
    from simulator.csms.contracts import Contracts

MOST_EXI: Final = 4200
"""Bytes whose base64 fits the 5600 characters of exiResponse."""


@dataclass(slots=True)
class Shared:
    """What every connection of one CSMS works with."""

    options: CsmsOptions
    holdings: Holdings = field(default_factory=Holdings)
    tokens: Tokens = field(default_factory=Tokens)
    mischief: Mischief = field(default_factory=Mischief)
    journal: Journal | None = None
    books: Books | None = None
    """There when the journal is."""
    contracts: Contracts | None = None
    exi_response: str | None = None
    """Base64."""
    _authority: Authority | None = None

    @property
    def authority(self) -> Authority:
        """The certificate authority, made when it is first needed; InputError for its folder."""
        if self._authority is None:
            from simulator.csms.authority import Authority

            options = self.options
            self._authority = Authority(
                options.ca, options.certificate_lifetime_s, options.operator
            )
        return self._authority


def share(options: CsmsOptions, tokens: Tokens) -> Shared:
    """Make what connections share. Raises InputError for what cannot be used."""
    shared = Shared(options, tokens=tokens)
    shared.mischief.set(options.faults, options.sqlite is not None)
    if options.ca is not None:
        _ = shared.authority  # so that a folder that cannot be used is said now
    if options.contract_roots is not None:
        from simulator.csms.contracts import Contracts

        shared.contracts = Contracts(options.contract_roots)
    if options.exi_response is not None:
        shared.exi_response = _read_exi(options.exi_response)
    return shared


def _read_exi(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError([Problem(str(path), "", None, f"a file: {error.strerror}")]) from None
    if not 0 < len(content) <= MOST_EXI:
        expected = f"an EXI document of 1 to {MOST_EXI} bytes"
        raise InputError([Problem(str(path), "", f"{len(content)} bytes", expected)])
    return base64.b64encode(content).decode()

"""What TLS needs in a run, worked out by the parent: rules, roots, certificates, the embedded CSMS.

Files are read here once; what stations and sockets do with them is ``tls``'s and the station's.
Called by ``run``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from simulator.fleet.identity import OPERATOR
from simulator.live.errors import RefusedError
from simulator.live.tls import TlsRules
from simulator.station.effects import Connect
from simulator.station.network import TLS, TLS_CLIENT
from simulator.station.v201_keys import MOST_CERTIFICATES

if TYPE_CHECKING:
    from simulator.csms import CsmsOptions
    from simulator.live.target import Target
    from simulator.scenario import Network, Scenario

_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Security:
    """How the stations of a run are secured."""

    profile: int = 0
    tls: TlsRules | None = None
    certificates: Path | None = None
    """Folder of the stations' own (``fleet.certificates``)."""
    operator: str = ""

    @property
    def ca(self) -> str | None:
        """The roots that stations are provisioned with; None: those of this system."""
        return None if self.tls is None else self.tls.ca


INSECURE: Final = Security()


def check_target(target: Target, profile: int) -> None:
    """The address and the security profile must agree about TLS. Raises RefusedError."""
    if target.secure and profile < TLS:
        raise RefusedError(
            f"csms.security_profile: {profile} has no TLS, but {target.authority} is a wss://"
            " address; use 2 (password) or 3 (certificates)"
        )
    if profile >= TLS and not target.secure:
        raise RefusedError(
            f"csms.url: security_profile = {profile} needs TLS, and {target.authority} is a ws://"
            " address; use wss://"
        )


def security_of(scenario: Scenario, network: Network, target: Target) -> Security:
    """What a target that is there already needs. Raises RefusedError naming what is wrong."""
    csms = scenario.file.csms
    check_target(target, csms.security_profile)
    if csms.security_profile < TLS:
        return Security(csms.security_profile)
    ca = None if csms.ca is None else _roots(scenario.path.parent / csms.ca)
    folder = None
    if csms.security_profile == TLS_CLIENT and csms.client_certificates is not None:
        folder = own_folder(scenario, network)
    return _security(scenario, target.host, ca, folder)


def own_folder(scenario: Scenario, network: Network) -> Path:
    """The folder of certificates that the scenario names, looked through. Raises RefusedError."""
    from simulator.fleet.certificates import holders, problems

    assert scenario.file.csms.client_certificates is not None
    folder = scenario.path.parent / scenario.file.csms.client_certificates
    found = problems(folder, holders(network))
    if found:
        more = f" (and {len(found) - _SHOWN} more)" if len(found) > _SHOWN else ""
        raise RefusedError(f"csms.client_certificates: {'; '.join(found[:_SHOWN])}{more}")
    return folder


def _security(scenario: Scenario, host: str, ca: str | None, folder: Path | None) -> Security:
    csms = scenario.file.csms
    tls = csms.tls
    rules = TlsRules(host, ca)
    if tls is not None:
        rules = TlsRules(host, ca, tls.min, tls.max, tls.resumption)
    return Security(csms.security_profile, rules, folder, csms.operator or OPERATOR)


def _roots(path: Path) -> str:
    from simulator.fleet.certificates import PaperError, read_roots
    from simulator.fleet.keys import X509Keys

    try:
        found = read_roots(path, X509Keys())
    except PaperError as error:
        raise RefusedError(f"csms.ca: {error}") from None
    if len(found) > MOST_CERTIFICATES:
        raise RefusedError(
            f"csms.ca: {path}: {len(found)} certificates; a station's store holds"
            f" {MOST_CERTIFICATES}"
        )
    return "".join(certificate.pem for certificate in found)


def first_wish(security: Security, station_id: str) -> Connect:
    """How a station would ask for its first connection, for a look at the target beforehand."""
    if security.certificates is None:
        return Connect(security_profile=security.profile)
    from simulator.fleet.certificates import read_own
    from simulator.fleet.keys import X509Keys

    own = read_own(security.certificates, station_id, X509Keys(), ())
    return Connect("", None, security.profile, own.pem, own.key)


@dataclass(frozen=True, slots=True)
class Embedded:
    """The embedded CSMS's side of it."""

    options: CsmsOptions
    _scenario: Scenario
    _ca: str | None
    _certificates: Path | None

    @classmethod
    def of(
        cls, scenario: Scenario, network: Network, private: Path, options: CsmsOptions
    ) -> Embedded:
        """Complete its options: with TLS, by an authority that is made for this run in ``private``.

        Stations' certificates are made too, unless ``csms.client_certificates`` has them; then
        ``fleet-ca.pem`` beside them is whom the CSMS trusts. Raises RefusedError.
        """
        csms = scenario.file.csms
        if csms.security_profile < TLS:
            return cls(options, scenario, None, None)
        from simulator.fleet.certificates import CA, SERVER, holders, write
        from simulator.fleet.inventory import ExportError

        folder = private / "certificates"
        given = None if csms.client_certificates is None else own_folder(scenario, network)
        if given is not None and not (given / f"{CA}.pem").is_file():
            raise RefusedError(
                f"csms.client_certificates: {given / f'{CA}.pem'}: missing; the embedded CSMS needs"
                " the authority of the stations' certificates"
            )
        required = csms.security_profile == TLS_CLIENT
        made = holders(network) if required and given is None else ()
        try:
            write(folder, made, csms.operator or OPERATOR, hosts=(options.host,))
        except ExportError as error:
            raise RefusedError(str(error)) from None
        options = replace(
            options,
            tls_cert=folder / f"{SERVER}.pem",
            tls_key=folder / f"{SERVER}.key",
            client_ca=(given or folder) / f"{CA}.pem",
            client_certificates="required" if required else "optional",
            operator=csms.operator,
        )
        ca = (folder / f"{CA}.pem").read_text("ascii")
        return cls(options, scenario, ca, (given or folder) if required else None)

    def security(self, host: str) -> Security:
        """How stations are secured that connect to it."""
        if self._ca is None:
            return Security(self._scenario.file.csms.security_profile)
        return _security(self._scenario, host, self._ca, self._certificates)

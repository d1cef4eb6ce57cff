"""TLS and certificates at the CSMS's door (security profiles 2 and 3), and passwords that change.

``central`` listens with ``server_context`` and asks ``shown`` who is at the door; ``door`` decides.
"""

from __future__ import annotations

import ssl
from asyncio import BaseTransport
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulator.csms.options import CsmsOptions


class TlsFilesError(Exception):
    """A file of the TLS options cannot be used; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The certificate that a station has shown, and that descends from a known authority."""

    names: frozenset[str]
    """Common names."""
    organisations: frozenset[str]


def server_context(options: CsmsOptions) -> ssl.SSLContext | None:
    """What to listen with; None: without TLS. Raises TlsFilesError."""
    if options.tls_cert is None:
        lonely = [flag for flag in ("tls_key", "client_ca") if getattr(options, flag) is not None]
        if lonely:
            flags = " and ".join(f"--{flag.replace('_', '-')}" for flag in lonely)
            raise TlsFilesError(f"{flags}: nothing without --tls-cert")
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    try:
        context.load_cert_chain(options.tls_cert, options.tls_key)
    except (OSError, ValueError) as error:
        key = f", --tls-key {options.tls_key}" if options.tls_key is not None else ""
        raise TlsFilesError(f"--tls-cert {options.tls_cert}{key}: {_why(error)}") from error
    if options.client_ca is not None:
        try:
            context.load_verify_locations(options.client_ca)
        except (OSError, ValueError) as error:
            raise TlsFilesError(f"--client-ca {options.client_ca}: {_why(error)}") from error
        required = options.client_certificates == "required"
        context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
    return context


def _why(error: OSError | ValueError) -> str:
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or "unreadable").replace("_", " ").lower()
        return f"expected a certificate and its key in PEM ({reason})"
    return getattr(error, "strerror", None) or str(error)


def shown(transport: BaseTransport) -> Shown | None:
    """The certificate that was shown on a connection; None: none was."""
    certificate = transport.get_extra_info("peercert")
    if not certificate:
        return None
    rows = [pair for row in certificate["subject"] for pair in row]
    return Shown(
        frozenset(value for name, value in rows if name == "commonName"),
        frozenset(value for name, value in rows if name == "organizationName"),
    )


def offered_password(action: str, sent: Mapping[str, Any]) -> bytes | None:
    """The password that a command sets; None: it is about something else.

    1.6 sends it in hexadecimal (OCPP-J 1.6, section 6.2), 2.0.1 as it is.
    """
    if action == "ChangeConfiguration":
        if str(sent.get("key", "")).casefold() != "authorizationkey":
            return None
        try:
            return bytes.fromhex(str(sent.get("value", "")))
        except ValueError:
            return None
    if action == "SetVariables":
        rows = sent.get("setVariableData")
        for data in rows if isinstance(rows, list) else ():
            if _is_password(data):
                return str(data.get("attributeValue", "")).encode()
    return None


def took_password(action: str, answer: Any) -> bool:
    """Whether an answer that fits its schema says that the station took it."""
    if action == "ChangeConfiguration":
        return bool(answer["status"] == "Accepted")
    results = answer["setVariableResult"]
    return any(_is_password(row) and row["attributeStatus"] == "Accepted" for row in results)


def _is_password(row: Any) -> bool:
    try:
        names = (row["component"]["name"].casefold(), row["variable"]["name"].casefold())
    except (AttributeError, KeyError, TypeError):
        return False  # a command may be wrong on purpose
    return names == ("securityctrlr", "basicauthpassword")

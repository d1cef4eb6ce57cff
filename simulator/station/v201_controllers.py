"""OCPP 2.0.1: variables of controllers that are read-only, and what blocks have beside
their settings.

With the settings of ``v201_keys`` these are the controllers' part of the device model; the names,
types and which are required come from dm_components_vars.csv of the specification (appendices
v1.4) and from chapter 2 of part 2, "Referenced Components and Variables". What can be set stands in
``v201_keys`` alone: a setting replaces a row of its name here.
"""

from __future__ import annotations

from typing import Final

from simulator.station import device_live as live
from simulator.station.configuration import MAX_VALUE
from simulator.station.device import Attribute, Live, Variable, split_name
from simulator.station.v201_keys import LIST_ENTRIES, MOST_CERTIFICATES, PROFILES

ITEMS: Final = {"GetReport": 50, "GetVariables": 100, "SetVariables": 50}
"""Items that one request may hold (ItemsPerMessage)."""
BYTES: Final = 65_536
"""Length of such a request (BytesPerMessage)."""
VALUE_SIZE: Final = 2500


def fixed(name: str, data_type: str, value: str | int | Live, **rest: object) -> Variable:
    """A row that nobody can set; text and numbers never change."""
    component, variable, instance, _ = split_name(name)
    still = isinstance(value, str | int)
    attribute = Attribute(str(value), constant=True) if still else Attribute(value)  # type: ignore[arg-type]
    return Variable(
        component,
        variable,
        data_type,
        (attribute,),
        instance=instance,
        **rest,  # type: ignore[arg-type]
    )


def _flag(name: str, value: str | Live) -> Variable:
    return fixed(name, "boolean", value)


def _count(name: str, value: int | Live, unit: str = "", most: float | None = None) -> Variable:
    return fixed(name, "integer", value, unit=unit, least=0.0, most=most)


def _available(component: str, action: str, instance: str = "") -> Variable:
    name = f"{component}.Available" + (f"[{instance}]" if instance else "")
    return fixed(name, "boolean", live.serves(action))


GENERAL: Final = (
    _flag("AlignedDataCtrlr.Available", live.YES),
    fixed("ClockCtrlr.DateTime", "dateTime", live.date_time),
    *(_count(f"DeviceDataCtrlr.BytesPerMessage[{name}]", BYTES, "B") for name in ITEMS),
    *(_count(f"DeviceDataCtrlr.ItemsPerMessage[{name}]", n) for name, n in ITEMS.items()),
    _count("DeviceDataCtrlr.ConfigurationValueSize", MAX_VALUE, most=1000.0),
    _count("DeviceDataCtrlr.ReportingValueSize", VALUE_SIZE, most=2500.0),
    _count("OCPPCommCtrlr.ActiveNetworkProfile", live.network_slot),
    fixed("OCPPCommCtrlr.FileTransferProtocols", "MemberList", "HTTP,HTTPS"),
    _flag("SampledDataCtrlr.Available", live.YES),
    _flag("SampledDataCtrlr.RegisterValuesWithoutPhases", live.YES),
    _count("SecurityCtrlr.CertificateEntries", live.certificates, most=float(MOST_CERTIFICATES)),
    fixed("SecurityCtrlr.Identity", "string", live.identity, most=48.0),
    _count("SecurityCtrlr.SecurityProfile", live.security_profile),
)


def counted(messages: int, profiles: int) -> list[Variable]:
    """How many there are of what there can be only so many of."""
    return [
        _count("DisplayMessageCtrlr.DisplayMessages", live.display_messages, most=messages),
        _count(PROFILES, live.charging_profiles, most=profiles),
    ]


BLOCKS: Final = (
    _count("LocalAuthListCtrlr.Entries", live.list_entries, most=float(LIST_ENTRIES)),
    fixed(
        "MonitoringCtrlr.ActiveMonitoringBase",
        "OptionList",
        live.monitoring_base,
        values="All,FactoryDefault,HardWiredOnly",
    ),
    _count("MonitoringCtrlr.ActiveMonitoringLevel", live.monitoring_level, most=9.0),
    _count("MonitoringCtrlr.BytesPerMessage[ClearVariableMonitoring]", live.longest_frame, "B"),
    _count("MonitoringCtrlr.BytesPerMessage[SetVariableMonitoring]", live.longest_frame, "B"),
    _available("SmartChargingCtrlr", "SetChargingProfile"),
)
"""What the specification requires of blocks beside their settings. Where a block has no area,
Available follows from the messages that are served."""

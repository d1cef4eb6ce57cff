"""OCPP 2.0.1: the physical components of a station, from its hardware, as rows of the device model.

Components and their variables are those of part 2, appendix 3.2. Only what the machine can know is
a row: its states, its meter, and the faults that it was given, each shown where it belongs. Nobody
measures temperatures or fans here, so there are none.
"""

from __future__ import annotations

from typing import Final

from simulator.station import device_live as live
from simulator.station.device import Attribute, Live, Variable, split_name
from simulator.station.settings import Hardware
from simulator.station.v201_controllers import fixed
from simulator.station.v201_keys import HEARTBEAT_INTERVAL, HEARTBEAT_MAX, HEARTBEAT_MIN, KEYS

STATES: Final = "Available,Occupied,Reserved,Unavailable,Faulted"


def _flag(name: str, value: str | Live, monitored: bool = False) -> Variable:
    return fixed(name, "boolean", value, monitored=monitored or not isinstance(value, str))


def _measured(name: str, unit: str, value: Live, most: float | None = None) -> Variable:
    return fixed(name, "decimal", value, unit=unit, least=0.0, most=most, monitored=True)


def _state(name: str) -> Variable:
    return fixed(name, "OptionList", live.availability, values=STATES, monitored=True)


def _part(name: str, active: Live | str, trouble: Live | str, *more: Variable) -> list[Variable]:
    """A component with what nearly all have: Available, Enabled, Active, Problem."""
    return [
        _flag(f"{name}.Available", live.YES),
        _flag(f"{name}.Enabled", live.YES),
        _flag(f"{name}.Active", active),
        _flag(f"{name}.Problem", trouble),
        *more,
    ]


def _beat() -> Variable:
    """The heartbeat of the controller: as it is, as it should be, and within which limits."""
    target, least, most = (
        KEYS[name.lower()] for name in (HEARTBEAT_INTERVAL, HEARTBEAT_MIN, HEARTBEAT_MAX)
    )
    component, name, instance, _ = split_name("Controller.Interval[Heartbeat]")
    attributes = (
        Attribute(live.heartbeat),
        Attribute(type="Target", key=target),
        Attribute(type="MinSet", key=least),
        Attribute(type="MaxSet", key=most),
    )
    return Variable(
        component, name, "integer", attributes, instance, unit="s", least=1.0, most=86_400.0
    )


def of_station(built: Hardware) -> list[Variable]:
    """The parts that a station has once."""
    phases = built.phases
    grid = live.any_problem("OverVoltage", "UnderVoltage")
    return [
        _flag("ChargingStation.Available", live.YES),
        _state("ChargingStation.AvailabilityState"),
        _flag("ChargingStation.Enabled", live.operative),
        _flag("ChargingStation.Active", live.transacting),
        _flag("ChargingStation.Problem", live.any_problem()),
        _flag("ChargingStation.AllowReset", live.YES),
        fixed("ChargingStation.SupplyPhases", "integer", phases),
        fixed("ChargingStation.VendorName", "string", live.vendor),
        fixed("ChargingStation.Model", "string", live.model),
        fixed("ChargingStation.SerialNumber", "string", live.serial),
        fixed("ChargingStation.FirmwareVersion", "string", live.firmware),
        _measured("ChargingStation.Power", "W", live.power, built.station_w),
        *_part("Controller", live.YES, live.problem("InternalError"), _beat()),
        fixed("Controller.Manufacturer", "string", live.vendor),
        fixed("Controller.FirmwareVersion", "string", live.firmware),
        *_part("DataLink", live.connected, live.problem("WeakSignal")),
        *_part("ElectricalFeed", live.YES, grid),
        fixed("ElectricalFeed.SupplyPhases", "integer", phases),
        _measured("ElectricalFeed.Power", "W", live.power, built.station_w),
        _measured("FiscalMetering.EnergyImportRegister", "Wh", live.register),
        *_part("RealTimeClock", live.YES, live.NO),
    ]


def of_evse(built: Hardware) -> list[Variable]:
    """The parts of one EVSE, without its connector."""
    phases = built.phases if built.current == "ac" else 0
    rows = [
        _flag("EVSE.Available", live.YES),
        _state("EVSE.AvailabilityState"),
        _flag("EVSE.Enabled", live.operative),
        _flag("EVSE.Active", live.transacting),
        _flag("EVSE.Problem", live.problem()),
        _flag("EVSE.AllowReset", live.YES),
        _flag("EVSE.Overload", live.problem("OverCurrentFailure")),
        _measured("EVSE.Power", "W", live.power, built.evse_w),
        fixed("EVSE.SupplyPhases", "integer", phases),
        fixed("EVSE.TransactionId", "string", live.transaction_id, monitored=True),
        *_part("ControlMetering", live.drawing, live.problem("PowerMeterFailure")),
        _measured("ControlMetering.Power", "W", live.power, built.evse_w),
        *_part("FiscalMetering", live.drawing, live.problem("PowerMeterFailure")),
        _measured("FiscalMetering.EnergyImport", "Wh", live.energy),
        _measured("FiscalMetering.EnergyImportRegister", "Wh", live.register),
        *_part("PowerContactor", live.closed, live.problem("PowerSwitchFailure")),
        _flag("PowerContactor.Tripped", live.problem("PowerSwitchFailure")),
        *_part("OverCurrentProtection", live.problem("OverCurrentFailure"), live.NO),
        *_part("CPPWMController", live.plugged, live.problem("EVCommunicationError")),
        fixed("CPPWMController.State", "string", live.pilot, monitored=True),
        *_part("TokenReader", live.NO, live.problem("ReaderFailure")),
        _flag("ConnectedEV.Available", live.plugged),
    ]
    return rows + (_dc(built) if built.current == "dc" else _ac())


def _ac() -> list[Variable]:
    return [
        _measured("EVSE.ACVoltage", "V", live.voltage),
        _measured("EVSE.ACCurrent", "A", live.current),
        _measured("ControlMetering.ACCurrent", "A", live.current),
        *_part("RCD", live.problem("GroundFailure"), live.NO),
        _flag("RCD.Tripped", live.problem("GroundFailure")),
    ]


def _dc(built: Hardware) -> list[Variable]:
    hot = live.problem("HighTemperature")
    return [
        _measured("EVSE.DCVoltage", "V", live.voltage),
        _measured("EVSE.DCCurrent", "A", live.current),
        _measured("ControlMetering.DCVoltage", "V", live.voltage),
        _measured("ControlMetering.DCCurrent", "A", live.current),
        *_part("AcDcConverter", live.drawing, hot),
        _flag("AcDcConverter.Tripped", hot),
        _flag("AcDcConverter.Overload", live.problem("OverCurrentFailure")),
        _measured("AcDcConverter.DCVoltage", "V", live.voltage),
        _measured("AcDcConverter.DCCurrent", "A", live.current),
        _measured("AcDcConverter.Power", "W", live.power, built.evse_w),
        *_part("AirCoolingSystem", live.drawing, hot),
        *_part("GroundIsolationProtection", live.problem("GroundFailure"), live.NO),
        *_part("EVRetentionLock", live.locked, live.problem("ConnectorLockFailure")),
        _measured("ConnectedEV.StateOfCharge", "Percent", live.state_of_charge, 100.0),
    ]


def of_connector(built: Hardware) -> list[Variable]:
    """The connector of an EVSE and what holds its plug."""
    phases = built.phases if built.current == "ac" else 0
    trouble = live.problem("ConnectorLockFailure")
    rows = [
        _flag("Connector.Available", live.YES),
        _state("Connector.AvailabilityState"),
        _flag("Connector.Enabled", live.operative),
        _flag("Connector.Active", live.plugged),
        _flag("Connector.Problem", trouble),
        fixed("Connector.ConnectorType", "string", built.connector),
        fixed("Connector.SupplyPhases", "integer", phases),
    ]
    if built.connector.startswith("c"):
        return rows + _part("ConnectorHolsterSensor", live.plugged, live.NO)
    return rows + _part("ConnectorPlugRetentionLock", live.locked, trouble)

"""Every frame of display, tariff, customer information, monitoring and data transfer is seen.

The harness validates what is sent and answered against the OCPP 2.0.1 schemas; here each kind of
message of these areas appears at least once, so that the list of what was seen is complete.
"""

import pytest
from station_harness import validator

from simulator.station import (
    datatransfer,
    v201_customer,
    v201_display,
    v201_monitoring,
    v201_tariff,
)
from simulator.station.v201 import TABLE, UNSUPPORTED

PARTS = (
    datatransfer.PART,
    v201_customer.PART,
    v201_display.PART,
    v201_monitoring.PART,
    v201_tariff.PART,
)
TEXT = {"format": "UTF8", "content": "x"}
PLACE = {"component": {"name": "EVSE", "evse": {"id": 1}}, "variable": {"name": "Power"}}
INSTANCE = {
    "component": {"name": "MonitoringCtrlr"},
    "variable": {"name": "ItemsPerMessage", "instance": "SetVariableMonitoring"},
}
REQUESTS = [
    ("SetDisplayMessage", {"message": {"id": 1, "priority": "InFront", "message": TEXT}}),
    ("GetDisplayMessages", {"requestId": 1}),
    ("ClearDisplayMessage", {"id": 1}),
    ("CostUpdated", {"totalCost": 1.5, "transactionId": "t"}),
    (
        "CustomerInformation",
        {"requestId": 2, "report": True, "clear": False, "customerIdentifier": "c"},
    ),
    ("DataTransfer", {"vendorId": "v", "messageId": "m", "data": [1]}),
    (
        "SetVariableMonitoring",
        {
            "setMonitoringData": [
                {**PLACE, "type": "UpperThreshold", "value": 9000, "severity": 3},
                {**PLACE, "type": "Periodic", "value": 1.5, "severity": 3, "transaction": True},
                {**INSTANCE, "type": "Delta", "value": 1, "severity": 3},
            ]
        },
    ),
    ("GetMonitoringReport", {"requestId": 3}),
    ("SetMonitoringBase", {"monitoringBase": "All"}),
    ("SetMonitoringLevel", {"severity": 9}),
    ("ClearVariableMonitoring", {"id": [3]}),
]


def test_every_message_of_these_areas_is_seen_and_valid(make):
    bench = make(version="2.0.1", vendors={"v": {"m": 1}}).boot()
    for action, payload in REQUESTS:
        validator(action, "2.0.1").validate(payload)
        bench.ask(action, payload)
        bench.go(1.0)
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(5.0)
    bench.do("transfer", "v", "m", {"a": None}).go(1.0)
    sent = {action for part in PARTS for action in part.actions}
    assert sent <= set(bench.actions())
    assert {action for part in PARTS for action in part.requests} == {a for a, _ in REQUESTS}


@pytest.mark.parametrize("action", sorted(a for part in PARTS for a in part.requests))
def test_what_is_served_is_no_longer_unsupported(action):
    assert action in TABLE.requests and action not in TABLE.unsupported
    assert action in UNSUPPORTED or action == "DataTransfer"

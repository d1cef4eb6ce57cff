"""Every frame that the station can send fits the OCPP 1.6 JSON schemas; none is left untried.

The harness validates all frames of all tests. Here each kind is made to appear at least once, with
its optional fields, so that the list of what was seen is the list of what can be sent.
"""

import json
from hashlib import sha256

import pytest
from station_harness import validator
from station_papers import GET_LOG, MAKER, SIGNER, SOON, hash_data, root, signature, update

from simulator.station import v201
from simulator.station.configuration import Kind
from simulator.station.model import Status
from simulator.station.settings import ALL_MEASURANDS
from simulator.station.v16 import TABLE, UNSUPPORTED
from simulator.station.v16_keys import KEYS
from simulator.station.v16_messages import STATUS

EVERYTHING = {
    "MeterValuesSampledData": ",".join(ALL_MEASURANDS),
    "MeterValuesAlignedData": ",".join(ALL_MEASURANDS),
    "StopTxnSampledData": ",".join(ALL_MEASURANDS),
    "StopTxnAlignedData": ",".join(ALL_MEASURANDS),
    "ClockAlignedDataInterval": "30",
    "MeterValueSampleInterval": "20",
}
PROFILE = {
    "chargingProfileId": 7,
    "stackLevel": 1,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Recurring",
    "recurrencyKind": "Daily",
    "validFrom": "2026-01-01T00:00:00Z",
    "validTo": "2027-01-01T00:00:00Z",
    "chargingSchedule": {
        "duration": 3600,
        "startSchedule": "2026-01-01T00:00:00Z",
        "chargingRateUnit": "A",
        "minChargingRate": 6.0,
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0, "numberPhases": 3}],
    },
}
REQUESTS = [
    ("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"}),
    ("ChangeConfiguration", {"key": "ConnectionTimeOut", "value": "5"}),
    ("CancelReservation", {"reservationId": 7}),
    ("ClearCache", {}),
    ("ClearChargingProfile", {"id": 5}),
    ("GetCompositeSchedule", {"connectorId": 1, "duration": 600, "chargingRateUnit": "A"}),
    ("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": PROFILE}),
    ("DataTransfer", {"vendorId": "x", "messageId": "y", "data": "z"}),
    ("GetConfiguration", {}),
    ("GetConfiguration", {"key": ["x", "HeartbeatInterval"]}),
    ("GetLocalListVersion", {}),
    (
        "ReserveNow",
        {"connectorId": 0, "expiryDate": "2026-06-02T06:00:00Z", "idTag": "X", "reservationId": 3},
    ),
    ("SendLocalList", {"listVersion": 3, "updateType": "Full"}),
    ("RemoteStartTransaction", {"idTag": "R", "connectorId": 1}),
    ("RemoteStopTransaction", {"transactionId": 5}),
    ("TriggerMessage", {"requestedMessage": "MeterValues"}),
    ("UnlockConnector", {"connectorId": 1}),
    ("GetDiagnostics", {"location": "http://f/up", "startTime": "2026-01-01T00:00:00Z"}),
    ("GetLog", GET_LOG),
    ("UpdateFirmware", {"location": "http://f/2.bin", "retrieveDate": SOON}),
    ("SignedUpdateFirmware", update(None, SIGNER.pem, "c2ln")),
    ("InstallCertificate", root(MAKER)),
    ("GetInstalledCertificateIds", {"certificateType": "ManufacturerRootCertificate"}),
    ("GetInstalledCertificateIds", {"certificateType": "CentralSystemRootCertificate"}),
    ("DeleteCertificate", {"certificateHashData": hash_data(MAKER)}),
    ("CertificateSigned", {"certificateChain": SIGNER.pem}),
    ("ExtendedTriggerMessage", {"requestedMessage": "LogStatusNotification"}),
    ("Reset", {"type": "Soft"}),
]


def test_every_message_that_the_station_sends_is_seen_and_valid(make):
    bench = make(configuration=EVERYTHING).start()
    bench.go(100.0)
    bench.ask("TriggerMessage", {"requestedMessage": "Heartbeat"})
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(100.0)
    bench.do("ev_suspended", 1).go(1.0).do("evse_suspended", 1).go(1.0)
    bench.do("unplug", 1).go(1.0).do("fault", 1, code="GroundFailure").go(1.0)
    bench.do("transfer", "org.example", "y", {"z": 1}).go(1.0)
    bench.ask("SignedUpdateFirmware", update(bench, SIGNER.pem, "c2ln"))  # by nobody known yet
    bench.ask("InstallCertificate", root(MAKER))
    signed = update(bench, SIGNER.pem, signature(SIGNER, b"firmware"))
    bench.ask("SignedUpdateFirmware", signed)
    bench.go(1.0).transfer(digest=sha256(b"firmware").digest()).go(100.0)
    bench.ask("UpdateFirmware", {"location": "http://f/2.bin", "retrieveDate": SOON})
    bench.ask("GetDiagnostics", {"location": "http://f/up"})
    bench.ask("GetLog", GET_LOG)
    bench.ask("ChangeConfiguration", {"key": "CpoName", "value": "Operator"})
    bench.ask("ExtendedTriggerMessage", {"requestedMessage": "SignChargePointCertificate"})
    bench.go(5.0)
    assert set(bench.actions()) == set(TABLE.actions)
    assert bench.payloads("StopTransaction")[0]["transactionData"]
    assert bench.payloads("MeterValues")[0]["meterValue"][0]["sampledValue"]


def test_every_answer_that_the_station_gives_is_seen_and_valid(make):
    bench = make().boot()
    for action, payload in REQUESTS:
        assert bench.call(action, payload)[0] == 3
    assert {action for action, _ in REQUESTS} == set(TABLE.requests)


def test_requests_of_the_tests_are_valid():
    for action, payload in REQUESTS:
        validator(action).validate(payload)


@pytest.mark.parametrize("action", sorted(UNSUPPORTED))
def test_a_known_action_without_support_is_answered_not_supported(make, action):
    assert make().boot().call(action, {"anything": 1})[2] == "NotSupported"


def test_every_action_of_1_6_is_either_served_or_known():
    from importlib.resources import files

    names = {
        path.name.removesuffix(".json").removesuffix("Response")
        for path in (files("ocpp.v16") / "schemas").iterdir()
        if path.name.endswith(".json")
    }
    assert names == set(TABLE.requests) | UNSUPPORTED


def test_every_status_and_every_event_has_its_word():
    from simulator.station.events import Event

    enum = validator("StatusNotification").schema["properties"]["status"]["enum"]
    assert {STATUS[status] for status in Status} == set(enum)
    assert set(TABLE.messages) | set(v201.TABLE.messages) == set(Event)
    sent = {action for actions in TABLE.messages.values() for action in actions}
    assert sent == set(TABLE.actions)


def test_configuration_values_fit_the_lengths_of_1_6(make):
    for key in KEYS.values():
        assert len(key.name) <= 50 and len(key.default) <= 500
        assert key.kind in Kind


def test_long_configuration_values_still_fit(make):
    bench = make(evses=40).boot()
    value = ", ".join(f"{i}.Unknown" for i in range(35))
    assert len(value) < 500
    answer = bench.ask("ChangeConfiguration", {"key": "ConnectorPhaseRotation", "value": value})
    assert answer == {"status": "RebootRequired"}
    rows = bench.ask("GetConfiguration", {"key": ["ConnectorPhaseRotation"]})
    assert json.loads(json.dumps(rows))["configurationKey"][0]["value"] == value

"""Every message that a station sends or answers in OCPP 2.0.1 is seen once, valid by its schema.

The harness validates all frames of all tests; the lists here are those of the version's table.
"""

from station_harness import validator
from station_papers import BELOW, GET_LOG, OPERATOR, answer, hash_data, root

from simulator.station.needs import Needs
from simulator.station.v201 import TABLE

TOKEN = {"idToken": "R", "type": "ISO14443"}
LATER = "2026-06-02T06:00:00Z"
SCREEN = {"id": 1, "priority": "InFront", "message": {"format": "UTF8", "content": "x"}}
POWER = {"component": {"name": "EVSE", "evse": {"id": 1}}, "variable": {"name": "Power"}}
WATCH = {**POWER, "type": "Delta", "value": 1.0, "severity": 3}
ORGANISATION = {
    "component": {"name": "SecurityCtrlr"},
    "variable": {"name": "OrganizationName"},
    "attributeValue": "Operator",
}
PROFILE = {
    "id": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Absolute",
    "chargingSchedule": [
        {
            "id": 1,
            "startSchedule": "2026-06-01T00:00:00Z",
            "chargingRateUnit": "W",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 9000.0}],
        }
    ],
}
NETWORK = {
    "ocppVersion": "OCPP20",
    "ocppTransport": "JSON",
    "ocppCsmsUrl": "ws://csms.example/ocpp",
    "messageTimeout": 30,
    "securityProfile": 1,
    "ocppInterface": "Wired0",
}
RESERVATION = {"id": 3, "expiryDateTime": "2026-06-01T06:10:00Z", "idToken": TOKEN, "evseId": 2}
CUSTOMER = {"requestId": 2, "report": True, "clear": False, "customerIdentifier": "c"}
REQUESTS = [
    ("SetVariables", {"setVariableData": [ORGANISATION]}),
    ("GetVariables", {"getVariableData": [POWER]}),
    ("GetBaseReport", {"requestId": 1, "reportBase": "FullInventory"}),
    ("GetReport", {"requestId": 2, "componentVariable": [POWER]}),
    ("SetNetworkProfile", {"configurationSlot": 1, "connectionData": NETWORK}),
    ("SendLocalList", {"versionNumber": 1, "updateType": "Full"}),
    ("GetLocalListVersion", {}),
    ("ReserveNow", RESERVATION),
    ("CancelReservation", {"reservationId": 9}),
    ("SetChargingProfile", {"evseId": 1, "chargingProfile": PROFILE}),
    ("GetChargingProfiles", {"requestId": 3, "chargingProfile": {"stackLevel": 0}}),
    ("GetCompositeSchedule", {"evseId": 1, "duration": 600}),
    ("ClearChargingProfile", {"chargingProfileId": 1}),
    ("SetVariableMonitoring", {"setMonitoringData": [WATCH]}),
    ("GetMonitoringReport", {"requestId": 4}),
    ("SetMonitoringBase", {"monitoringBase": "All"}),
    ("SetMonitoringLevel", {"severity": 9}),
    ("SetDisplayMessage", {"message": SCREEN}),
    ("GetDisplayMessages", {"requestId": 5}),
    ("CustomerInformation", CUSTOMER),
    ("CostUpdated", {"totalCost": 1.5, "transactionId": "t"}),
    ("DataTransfer", {"vendorId": "v", "messageId": "m", "data": [1]}),
    ("GetLog", GET_LOG),
    (
        "UpdateFirmware",
        {"requestId": 6, "firmware": {"location": "http://f/2.bin", "retrieveDateTime": LATER}},
    ),
    ("InstallCertificate", root(OPERATOR, "V2GRootCertificate")),
    ("GetInstalledCertificateIds", {}),
    ("TriggerMessage", {"requestedMessage": "Heartbeat"}),
    ("TriggerMessage", {"requestedMessage": "MeterValues"}),
    ("TriggerMessage", {"requestedMessage": "FirmwareStatusNotification"}),
    ("TriggerMessage", {"requestedMessage": "SignV2GCertificate"}),
    ("RequestStopTransaction", {"transactionId": "t"}),
    ("GetTransactionStatus", {}),
    ("UnlockConnector", {"evseId": 1, "connectorId": 1}),
    ("ChangeAvailability", {"operationalStatus": "Operative"}),
]
LAST = [
    ("ClearVariableMonitoring", {"id": [1]}),
    ("ClearDisplayMessage", {"id": 1}),
    ("ClearCache", {}),
    ("DeleteCertificate", {"certificateHashData": hash_data(OPERATOR)}),
    ("RequestStartTransaction", {"idToken": TOKEN, "remoteStartId": 1, "evseId": 1}),
    ("Reset", {"type": "OnIdle"}),
]


def tell(bench, requests):
    for action, payload in requests:
        validator(action, "2.0.1").validate(payload)
        assert bench.call(action, payload)[0] == 3, action
        bench.go(1.0)


def test_every_message_of_2_0_1_is_sent_or_answered_and_valid(make):
    bench = make(version="2.0.1", evses=2, vendors={"v": {"m": 1}})
    bench.csms.always["GetCertificateStatus"] = {"status": "Accepted", "ocspResult": "MAMKAQA="}
    bench.csms.always["NotifyEVChargingNeeds"] = {"status": "Processing"}
    bench.csms.always["NotifyEVChargingSchedule"] = {"status": "Accepted"}
    bench.csms.always["Get15118EVCertificate"] = {"status": "Accepted", "exiResponse": "eA=="}
    bench.start().go(1.0)
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(1.0)
    tell(bench, REQUESTS)
    bench.go(5.0)
    wanted = bench.payloads("SignCertificate")[0]["csr"]
    chain = answer(wanted, BELOW, serial=0x99, responder="http://ocsp.example/") + BELOW.pem
    tell(
        bench,
        [("CertificateSigned", {"certificateChain": chain, "certificateType": "V2GCertificate"})],
    )
    bench.do("ev_needs", 1, Needs("AC_three_phase", 16.0, 400.0, 9000.0)).go(1.0)
    bench.do("limit_charging", 0, 5000.0).go(1.0)
    bench.do("free_charging", 0)
    bench.do("ev_certificate", "gJgCAAAAAAAAAAAB").do("transfer", "v", "m", 1).go(1.0)
    bench.do("present_token", 1, "TAG").do("unplug", 1).go(900.0)  # the reservation expires
    tell(bench, LAST)
    served = {action for action, _ in (*REQUESTS, *LAST)} | {"CertificateSigned"}
    assert served == set(TABLE.requests)
    assert set(bench.actions()) == set(TABLE.actions)

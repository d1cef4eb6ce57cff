"""Every message of OCPP 1.6 and 2.0.1: its functional block, and who sends it.

1.6: the profiles of §3.2 and the security whitepaper. 2.0.1: the functional blocks of part 2; a
message that several use stands in the one that it is defined for.
"""

TO_STATION = "CSMS"
FROM_STATION = "station"

BLOCKS = {
    "1.6": {
        "Core": (
            "ChangeAvailability ChangeConfiguration ClearCache DataTransfer GetConfiguration "
            "RemoteStartTransaction RemoteStopTransaction Reset UnlockConnector",
            "Authorize BootNotification DataTransfer Heartbeat MeterValues StartTransaction "
            "StatusNotification StopTransaction",
        ),
        "Firmware management": (
            "GetDiagnostics UpdateFirmware",
            "DiagnosticsStatusNotification FirmwareStatusNotification",
        ),
        "Local auth list": ("GetLocalListVersion SendLocalList", ""),
        "Reservation": ("CancelReservation ReserveNow", ""),
        "Smart charging": ("ClearChargingProfile GetCompositeSchedule SetChargingProfile", ""),
        "Remote trigger": ("TriggerMessage", ""),
        "Security extension": (
            "CertificateSigned DeleteCertificate ExtendedTriggerMessage "
            "GetInstalledCertificateIds GetLog InstallCertificate SignedUpdateFirmware",
            "LogStatusNotification SecurityEventNotification SignCertificate "
            "SignedFirmwareStatusNotification",
        ),
    },
    "2.0.1": {
        "A Security": ("CertificateSigned", "SecurityEventNotification SignCertificate"),
        "B Provisioning": (
            "GetBaseReport GetReport GetVariables Reset SetNetworkProfile SetVariables",
            "BootNotification NotifyReport",
        ),
        "C Authorization": ("ClearCache", "Authorize"),
        "D Local authorization list": ("GetLocalListVersion SendLocalList", ""),
        "E Transactions": ("GetTransactionStatus", "TransactionEvent"),
        "F Remote control": (
            "RequestStartTransaction RequestStopTransaction TriggerMessage UnlockConnector",
            "",
        ),
        "G Availability": ("ChangeAvailability", "Heartbeat StatusNotification"),
        "H Reservation": ("CancelReservation ReserveNow", "ReservationStatusUpdate"),
        "I Tariff and cost": ("CostUpdated", ""),
        "J Meter values": ("", "MeterValues"),
        "K Smart charging": (
            "ClearChargingProfile GetChargingProfiles GetCompositeSchedule SetChargingProfile",
            "ClearedChargingLimit NotifyChargingLimit NotifyEVChargingNeeds "
            "NotifyEVChargingSchedule ReportChargingProfiles",
        ),
        "L Firmware management": (
            "PublishFirmware UnpublishFirmware UpdateFirmware",
            "FirmwareStatusNotification PublishFirmwareStatusNotification",
        ),
        "M ISO 15118 certificates": (
            "DeleteCertificate GetInstalledCertificateIds InstallCertificate",
            "Get15118EVCertificate GetCertificateStatus",
        ),
        "N Diagnostics": (
            "ClearVariableMonitoring CustomerInformation GetLog GetMonitoringReport "
            "SetMonitoringBase SetMonitoringLevel SetVariableMonitoring",
            "LogStatusNotification NotifyCustomerInformation NotifyEvent NotifyMonitoringReport",
        ),
        "O Display messages": (
            "ClearDisplayMessage GetDisplayMessages SetDisplayMessage",
            "NotifyDisplayMessages",
        ),
        "P Data transfer": ("DataTransfer", "DataTransfer"),
    },
}
"""Version -> block -> (what the CSMS sends, what the station sends)."""


def messages(version):
    """(block, who sends it, message) of every message, in the order of the blocks."""
    return [
        (block, sender, name)
        for block, both in BLOCKS[version].items()
        for sender, names in zip((TO_STATION, FROM_STATION), both, strict=True)
        for name in names.split()
    ]


LOCAL_CONTROLLER = "belongs to a Local Controller"
NO_ISO = "where the caller says what an EV needs: no car of a scenario speaks ISO 15118"

PARTIAL = {
    ("1.6", TO_STATION, "TriggerMessage"): (
        "what the station does not send is NotImplemented",
        "test_1_6_5_17_firmware_status",
    ),
    ("2.0.1", TO_STATION, "TriggerMessage"): (
        "what the station does not send is NotImplemented",
        "test_l01_fr_25",
    ),
    ("2.0.1", FROM_STATION, "Get15118EVCertificate"): (
        "with the EXI request that the user gives, never one of the station's own",
        "",
    ),
    ("2.0.1", FROM_STATION, "NotifyEVChargingNeeds"): (NO_ISO, ""),
    ("2.0.1", FROM_STATION, "NotifyEVChargingSchedule"): (NO_ISO, ""),
}
"""What is done in part: why, and how the names of the tests begin that end it ("": none will)."""

REFUSED = {
    ("2.0.1", TO_STATION, "PublishFirmware"): LOCAL_CONTROLLER,
    ("2.0.1", TO_STATION, "UnpublishFirmware"): LOCAL_CONTROLLER,
    ("2.0.1", FROM_STATION, "PublishFirmwareStatusNotification"): LOCAL_CONTROLLER,
}
"""Why some that are refused, or never sent, always will be."""

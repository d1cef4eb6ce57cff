"""The local authorisation list (1.6 §3.5.2, §5.10, §5.15; 2.0.1 C13, C14, block D)."""

import pytest
from station_harness import EPOCH

from simulator.station import clock

PRE = {"LocalPreAuthorize": "true"}
STRICT = {"AllowOfflineTxForUnknownId": "false"}


def entry(token, status="Accepted", parent=None, expires=None):
    info = {"status": status}
    if parent is not None:
        info["parentIdTag"] = parent
    if expires is not None:
        info["expiryDate"] = clock.iso(EPOCH + expires)
    return {"idTag": token, "idTagInfo": info} if status else {"idTag": token}


def entry201(token, status="Accepted", group=None, expires=None, kind="ISO14443"):
    info = {"status": status}
    if group is not None:
        info["groupIdToken"] = {"idToken": group, "type": "Central"}
    if expires is not None:
        info["cacheExpiryDateTime"] = clock.iso(EPOCH + expires)
    rest = {"idTokenInfo": info} if status else {}
    return {"idToken": {"idToken": token, "type": kind}, **rest}


class Version:
    """The same requests in the words of one version."""

    def __init__(self, make, version):
        self.make, self.version = make, version
        self.entry = entry if version == "1.6" else entry201
        self.number = "listVersion" if version == "1.6" else "versionNumber"

    def bench(self, **keys):
        return self.make(version=self.version, **keys).boot()

    def send(self, bench, version, entries=None, full=True):
        payload = {self.number: version, "updateType": "Full" if full else "Differential"}
        if entries is not None:
            payload["localAuthorizationList"] = entries
        return bench.ask("SendLocalList", payload)["status"]

    def get(self, bench):
        return bench.ask("GetLocalListVersion")[self.number]


@pytest.fixture(params=["1.6", "2.0.1"])
def either(make, request):
    return Version(make, request.param)


@pytest.fixture
def v16(make):
    return Version(make, "1.6")


@pytest.fixture
def v201(make):
    return Version(make, "2.0.1")


def starts(bench, token):
    bench.do("plug_in", 1).do("present_token", 1, token).go(1.0)
    running = bench.station.running(1)
    bench.do("unplug", 1).go(1.0)
    return running


def offline(bench):
    bench.reachable = False
    bench.drop()
    return bench


def names(bench):
    return sorted(bench.station.local_list.entries)


def test_d01_fr_15_a_full_list_replaces_the_one_before(either):
    bench = either.bench()
    assert either.send(bench, 3, [either.entry("A"), either.entry("B")]) == "Accepted"
    assert either.send(bench, 2, [either.entry("C")]) == "Accepted"
    assert names(bench) == ["c"] and either.get(bench) == 2


def test_d01_fr_16_and_fr_17_a_differential_adds_changes_and_removes(either):
    bench = either.bench()
    either.send(bench, 1, [either.entry("A"), either.entry("B")])
    changes = [either.entry("A", None), either.entry("b", "Blocked"), either.entry("C")]
    assert either.send(bench, 2, changes, full=False) == "Accepted"
    assert names(bench) == ["b", "c"] and either.get(bench) == 2
    assert bench.station.local_list.entries["b"].status == "Blocked"


def test_d01_fr_19_a_differential_that_is_not_newer_is_a_version_mismatch(either):
    bench = either.bench()
    either.send(bench, 5, [either.entry("A")])
    for version in (4, 5):
        assert either.send(bench, version, [either.entry("B")], False) == "VersionMismatch"
    assert names(bench) == ["a"] and either.get(bench) == 5


def test_1_6_err_3_52_and_d01_fr_18_no_version_below_1(either):
    bench = either.bench()
    for version in (0, -1):
        assert either.send(bench, version, [either.entry("A")]) == "Failed"
    assert bench.station.local_list is None


def test_d01_fr_05_a_differential_without_a_list_changes_the_version_alone(either):
    bench = either.bench()
    either.send(bench, 1, [either.entry("A")])
    assert either.send(bench, 2, None, False) == "Accepted"
    assert names(bench) == ["a"] and either.get(bench) == 2


def test_1_6_5_10_an_empty_list_is_version_0_and_one_that_is_off_is_minus_1(v16):
    bench = v16.bench()
    assert v16.get(bench) == 0
    v16.send(bench, 7, [entry("A")])
    assert v16.get(bench) == 7
    assert v16.send(bench, 8) == "Accepted"
    assert v16.get(bench) == 0
    bench.ask("ChangeConfiguration", {"key": "LocalAuthListEnabled", "value": "false"})
    assert v16.get(bench) == -1


def test_d01_fr_04_and_d02_an_emptied_list_keeps_its_version(v201):
    bench = v201.bench()
    assert v201.get(bench) == 0  # D02.FR.02
    v201.send(bench, 7, [entry201("A")])
    assert v201.send(bench, 8) == "Accepted"
    assert v201.get(bench) == 8 and names(bench) == []


def test_d02_fr_03_a_list_that_is_off_has_no_version(v201):
    bench = v201.bench(configuration={"LocalAuthListCtrlr.Enabled": "false"})
    assert v201.send(bench, 7, [entry201("A")]) == "Failed" and v201.get(bench) == 0


def test_1_6_5_15_a_list_that_is_off_is_not_supported(v16):
    bench = v16.bench(configuration={"LocalAuthListEnabled": "false"})
    assert v16.send(bench, 1, [entry("A")]) == "NotSupported"


def test_1_6_9_2_lists_have_their_limits(v16):
    keys = {"SendLocalListMaxLength": "3", "LocalAuthListMaxLength": "4"}
    bench = v16.bench(configuration=keys)
    assert v16.send(bench, 1, [entry(t) for t in "ABCD"]) == "Failed"
    assert v16.send(bench, 1, [entry(t) for t in "ABC"]) == "Accepted"
    assert v16.send(bench, 2, [entry(t) for t in "DE"], False) == "Failed"
    assert names(bench) == ["a", "b", "c"] and v16.get(bench) == 1
    assert v16.send(bench, 2, [entry("D")], False) == "Accepted"


def test_d01_fr_11_a_message_has_its_limit(v201):
    bench = v201.bench()
    assert v201.send(bench, 1, [entry201(f"T{n}") for n in range(101)]) == "Failed"
    assert v201.send(bench, 1, [entry201(f"T{n}") for n in range(100)]) == "Accepted"


def test_d01_fr_06_no_token_twice(either):
    bench = either.bench()
    assert either.send(bench, 1, [either.entry("A"), either.entry("a")]) == "Failed"
    assert bench.station.local_list is None


def test_c01_fr_25_the_same_token_of_another_type_is_another_one(v201):
    bench = v201.bench()
    assert v201.send(bench, 1, [entry201("A"), entry201("A", kind="KeyCode")]) == "Accepted"


def test_1_6_7_1_a_full_list_says_something_of_every_token(either):
    bench = either.bench()
    assert either.send(bench, 1, [either.entry("A", None)]) == "Failed"


def test_1_6_3_5_2_and_d01_fr_10_the_list_survives_a_reboot(v16):
    bench = v16.bench()
    v16.send(bench, 4, [entry("A")])
    bench.ask("Reset", {"type": "Hard"})
    bench.go(60.0)
    assert v16.get(bench) == 4


def test_1_6_3_5_and_c14_fr_02_who_is_on_the_list_starts_without_asking(make):
    for version, key in (("1.6", "LocalPreAuthorize"), ("2.0.1", "AuthCtrlr.LocalPreAuthorize")):
        words = Version(make, version)
        bench = words.bench(configuration={key: "true"})
        words.send(bench, 1, [words.entry("A"), words.entry("B", "Blocked")])
        assert starts(bench, "A") and bench.payloads("Authorize") == []
        starts(bench, "B")  # C14.FR.03
        assert len(bench.payloads("Authorize")) == 1


def test_c14_fr_05_one_that_has_expired_is_asked_about(v201):
    bench = v201.bench(configuration={"AuthCtrlr.LocalPreAuthorize": "true"})
    v201.send(bench, 1, [entry201("A", expires=50.0)])
    starts(bench, "A")
    assert bench.payloads("Authorize") == []
    bench.go(60.0)
    starts(bench, "A")
    assert len(bench.payloads("Authorize")) == 1


def test_disable_post_authorize_the_list_has_the_last_word(v201):
    keys = {"LocalAuthListCtrlr.DisablePostAuthorize": "true"}
    bench = v201.bench(configuration=keys)
    v201.send(bench, 1, [entry201("B", "Blocked")])
    assert not starts(bench, "B") and bench.payloads("Authorize") == []


def test_1_6_3_5_4_and_c13_offline_the_list_decides(either):
    for unknown in ("true", "false"):
        prefix = "AllowOfflineTxForUnknownId"
        if either.version == "2.0.1":
            prefix = "AuthCtrlr.OfflineTxForUnknownIdEnabled"
        bench = either.bench(configuration={prefix: unknown})
        entries = [
            either.entry("GOOD"),
            either.entry("BAD", "Blocked"),
            either.entry("OLD", expires=30.0),
        ]
        either.send(bench, 1, entries)
        offline(bench).go(60.0)
        assert starts(bench, "GOOD")
        assert not starts(bench, "BAD") and not starts(bench, "OLD")
        assert starts(bench, "WHO") is (unknown == "true")


def test_1_6_3_5_3_the_list_wins_over_the_cache(v16):
    bench = v16.bench(configuration=PRE)
    starts(bench, "A")
    assert "a" in bench.station.cache
    v16.send(bench, 1, [entry("A", "Blocked"), entry("B")])
    offline(bench)
    assert not starts(bench, "A")


def test_1_6_3_5_3_who_is_on_the_list_is_not_cached(v16):
    bench = v16.bench()
    v16.send(bench, 1, [entry("A")])
    starts(bench, "A")
    assert bench.station.cache is None


def test_1_6_3_5_2_a_csms_that_contradicts_its_list_is_told(v16):
    bench = v16.bench(configuration=PRE)
    v16.send(bench, 1, [entry("A")])
    refused = {"transactionId": 5, "idTagInfo": {"status": "Blocked"}}
    bench.csms.say("StartTransaction", refused)
    starts(bench, "A")
    (conflict,) = [p for p in bench.payloads("StatusNotification") if p["connectorId"] == 0]
    assert conflict["errorCode"] == "LocalListConflict" and conflict["status"] == "Available"
    bench.forget()
    concurrent = {"transactionId": 6, "idTagInfo": {"status": "ConcurrentTx"}}
    bench.csms.say("StartTransaction", concurrent)
    starts(bench, "A")
    assert bench.statuses(0) == []


def test_2_0_1_has_no_word_for_a_conflict(v201):
    bench = v201.bench()
    v201.send(bench, 1, [entry201("A", "Blocked")])
    assert starts(bench, "A")
    assert set(bench.actions()) == {"Authorize", "StatusNotification", "TransactionEvent"}


def test_c01_fr_03_a_listed_token_of_the_group_stops_without_asking(v201):
    bench = v201.bench()
    v201.send(bench, 1, [entry201("MUM", group="family"), entry201("DAD", group="FAMILY")])
    bench.do("plug_in", 1).do("present_token", 1, "MUM").go(1.0)
    bench.forget()
    bench.do("present_token", 1, "DAD").go(1.0)
    assert "Authorize" not in bench.actions() and not bench.station.running(1)


def test_1_6_3_10_offline_the_list_knows_the_parents(v16):
    bench = v16.bench(configuration=STRICT)
    v16.send(bench, 1, [entry("MUM", parent="family"), entry("DAD", parent="family"), entry("X")])
    offline(bench)
    bench.do("plug_in", 1).do("present_token", 1, "MUM").do("present_token", 1, "X")
    assert bench.station.running(1)
    bench.do("present_token", 1, "DAD")
    assert not bench.station.running(1)

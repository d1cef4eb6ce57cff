"""Certificates: A02, A03, M03 to M05, in both versions."""

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from station_harness import Refuse, clock
from station_papers import (
    BELOW,
    MAKER,
    NOW,
    OPERATOR,
    STRANGER,
    answer,
    authority,
    hash_data,
    key,
    leaf,
    named,
    root,
)

from simulator.fleet.keys import X509Keys
from simulator.station import certificates
from simulator.station.truststore import Own, csms_roots

CSMS = {"1.6": "CentralSystemRootCertificate", "2.0.1": "CSMSRootCertificate"}
OWNER = {"1.6": "CpoName", "2.0.1": "SecurityCtrlr.OrganizationName"}
BAD = {"1.6": "InvalidChargePointCertificate", "2.0.1": "InvalidChargingStationCertificate"}


def build(make, version, owner="Operator", **options):
    configuration = {OWNER[version]: owner, **options.pop("configuration", {})}
    return make(version=version, configuration=configuration, **options).boot()


@pytest.fixture(params=["1.6", "2.0.1"])
def bench(request, make):
    return build(make, request.param)


def install(bench, paper, kind=None):
    return bench.ask("InstallCertificate", root(paper, kind or CSMS[bench.version]))["status"]


def ids(bench, kind=None):
    kind = kind or CSMS[bench.version]
    asked = kind if bench.version == "1.6" else [kind]
    found = bench.ask("GetInstalledCertificateIds", {"certificateType": asked})
    if found["status"] == "NotFound":
        return []
    if bench.version == "1.6":
        return found["certificateHashData"]
    return [row["certificateHashData"] for row in found["certificateHashDataChain"]]


def trigger(bench, what=None):
    if bench.version == "1.6":
        return bench.ask(
            "ExtendedTriggerMessage", {"requestedMessage": "SignChargePointCertificate"}
        )
    what = what or "SignChargingStationCertificate"
    return bench.ask("TriggerMessage", {"requestedMessage": what})


def csr(bench):
    assert trigger(bench) == {"status": "Accepted"}
    bench.go(1.0)
    return bench.payloads("SignCertificate")[-1]["csr"]


def give(bench, pem):
    return bench.ask("CertificateSigned", {"certificateChain": pem})["status"]


def events(bench):
    return [p["type"] for p in bench.payloads("SecurityEventNotification")]


# -- the trust store ------------------------------------------------------------------------------


def test_m05_fr_02_and_m03_fr_04_a_root_is_installed_and_its_hashes_are_right(bench):
    assert ids(bench) == []
    assert install(bench, OPERATOR) == "Accepted"
    assert ids(bench) == [hash_data(OPERATOR)]
    assert ids(bench, "ManufacturerRootCertificate") == []


def test_m05_hash_data_of_one_signed_by_another_is_of_its_issuer(bench):
    install(bench, OPERATOR)
    assert install(bench, BELOW) == "Accepted"
    assert hash_data(BELOW, OPERATOR) in ids(bench)


@pytest.mark.parametrize(
    "pem",
    [
        "nonsense",
        "",
        OPERATOR.pem[:200],
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        OPERATOR.pem + MAKER.pem,
        "-----BEGIN CERTIFICATE-----\nÄ\n-----END CERTIFICATE-----\n",
        leaf("No Authority", by=OPERATOR).pem,
        authority("Expired Root", start=-20, days=10).pem,
        authority("Early Root", start=10).pem,
        authority("Orphan", by=STRANGER).pem,
    ],
)
def test_m05_fr_07_what_is_no_valid_root_is_rejected(bench, pem):
    kind = CSMS[bench.version]
    answer = bench.ask("InstallCertificate", {"certificateType": kind, "certificate": pem})
    assert answer["status"] == "Rejected"
    assert ids(bench) == []


def test_m05_fr_06_no_more_than_the_store_holds(make):
    bench = build(make, "1.6", configuration={"CertificateStoreMaxLength": "2"})
    assert [install(bench, p) for p in (OPERATOR, MAKER, STRANGER)] == [
        "Accepted",
        "Accepted",
        "Rejected",
    ]
    assert len(ids(bench)) == 2


def test_m05_fr_17_one_that_is_there_is_replaced(bench):
    assert install(bench, OPERATOR) == install(bench, OPERATOR) == "Accepted"
    assert len(ids(bench)) == 1


def test_m05_fr_10_to_fr_12_a_new_root_must_be_signed_by_the_old_one(make):
    bench = build(make, "1.6", configuration={"AdditionalRootCertificateCheck": "true"})
    assert install(bench, OPERATOR) == "Accepted"
    assert install(bench, STRANGER) == "Rejected"
    assert install(bench, authority("New Root", by=OPERATOR)) == "Accepted"
    assert len(ids(bench)) == 2  # the old one is the fallback
    assert install(bench, STRANGER) == "Rejected"


@pytest.mark.parametrize("algorithm", ["SHA256", "SHA384", "SHA512"])
def test_m04_fr_02_and_fr_04_deleted_by_its_hashes_once(bench, algorithm):
    install(bench, OPERATOR)
    asked = {"certificateHashData": hash_data(OPERATOR, algorithm=algorithm)}
    assert bench.ask("DeleteCertificate", asked) == {"status": "Accepted"}
    assert bench.ask("DeleteCertificate", asked) == {"status": "NotFound"}
    assert ids(bench) == []


def test_m04_hashes_are_compared_without_regard_to_case_or_leading_zeroes(bench):
    install(bench, OPERATOR)
    data = hash_data(OPERATOR)
    data = {name: value.upper() for name, value in data.items()}
    data["serialNumber"] = "00" + data["serialNumber"].lower()
    assert bench.ask("DeleteCertificate", {"certificateHashData": data}) == {"status": "Accepted"}


def test_m04_fr_06_the_stations_own_certificate_cannot_be_deleted(bench):
    install(bench, OPERATOR)
    request = csr(bench)
    pem = answer(request, OPERATOR, serial=77)
    assert give(bench, pem) == "Accepted"
    made = x509.load_pem_x509_certificate(pem.encode())
    data = hash_data(OPERATOR) | {"serialNumber": f"{made.serial_number:X}"}
    assert bench.ask("DeleteCertificate", {"certificateHashData": data}) == {"status": "Failed"}


def test_without_keys_all_of_it_is_not_supported(make):
    bench = make(keys=None).boot()
    assert bench.call("InstallCertificate", root(MAKER))[2] == "NotSupported"
    assert trigger(bench) == {"status": "Rejected"}


# -- the station's own ----------------------------------------------------------------------------


def test_a02_fr_03_the_request_names_serial_number_and_owner(bench):
    request = x509.load_pem_x509_csr(csr(bench).encode())
    assert request.is_signature_valid
    subject = request.subject
    assert subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "SN-1"
    assert subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "Operator"


def test_a02_fr_02_every_request_has_a_new_key(bench):
    first, second = csr(bench), csr(bench)
    keys = [x509.load_pem_x509_csr(pem.encode()).public_key() for pem in (first, second)]
    assert keys[0] != keys[1]


def test_a03_without_an_owners_name_none_is_asked_for(make):
    for version in ("1.6", "2.0.1"):
        assert trigger(build(make, version, owner="")) == {"status": "Rejected"}


def test_a02_a_certificate_of_the_operators_hierarchy_is_taken(bench):
    install(bench, OPERATOR)
    assert give(bench, answer(csr(bench), BELOW) + BELOW.pem) == "Accepted"
    assert give(bench, answer(csr(bench), OPERATOR) + OPERATOR.pem) == "Accepted"
    assert events(bench) == []


@pytest.mark.parametrize(
    "make_bad",
    [
        lambda csr: answer(csr, STRANGER),
        lambda csr: answer(csr, BELOW),  # its issuer is missing
        lambda csr: answer(csr, BELOW) + STRANGER.pem,
        lambda csr: answer(csr, OPERATOR, start=-20, days=10),
        lambda csr: answer(csr, OPERATOR, subject=named("SN-2")),
        lambda csr: answer(csr, OPERATOR, subject=named("SN-1", "Somebody")),
        lambda csr: answer(csr, OPERATOR, public=key("other").public_key()),
        lambda csr: "nonsense",
        lambda csr: csr,
        lambda csr: answer(csr, OPERATOR) * 11,
    ],
)
def test_a02_fr_07_any_other_is_rejected_and_a_security_event(bench, make_bad):
    install(bench, OPERATOR)
    assert give(bench, make_bad(csr(bench))) == "Rejected"
    bench.go(1.0)
    assert events(bench) == [BAD[bench.version]]
    bench.go(1000.0)
    assert len(bench.payloads("SignCertificate")) == 1  # A02.FR.20


def test_a02_one_that_nobody_asked_for_is_rejected(bench):
    install(bench, OPERATOR)
    assert give(bench, answer(csr(bench), OPERATOR)) == "Accepted"
    assert give(bench, OPERATOR.pem) == "Rejected"


def test_a02_fr_16_a_chain_that_is_too_long_is_rejected(make):
    bench = build(make, "1.6", configuration={"CertificateSignedMaxChainSize": "500"})
    install(bench, OPERATOR)
    assert give(bench, answer(csr(bench), OPERATOR)) == "Rejected"


def test_a02_fr_17_to_fr_19_asked_again_with_a_wait_that_doubles_then_no_more(make):
    waits = {
        "SecurityCtrlr.CertSigningWaitMinimum": "30",
        "SecurityCtrlr.CertSigningRepeatTimes": "2",
    }
    bench = build(make, "2.0.1", configuration=waits)
    trigger(bench)
    bench.go(1000.0)
    first, second, third = bench.times("SignCertificate")
    assert second - first == pytest.approx(30.0, abs=0.2)
    assert third - second == pytest.approx(60.0, abs=0.3)
    assert len({p["csr"] for p in bench.payloads("SignCertificate")}) == 1


def test_a02_fr_17_not_asked_again_once_it_came(make):
    bench = build(make, "2.0.1")
    install(bench, OPERATOR)
    assert give(bench, answer(csr(bench), OPERATOR)) == "Accepted"
    bench.go(1000.0)
    assert len(bench.payloads("SignCertificate")) == 1


@pytest.mark.parametrize("no", [{"status": "Rejected"}, Refuse()])
def test_a02_fr_12_a_csms_that_refuses_is_not_asked_again(make, no):
    bench = build(make, "2.0.1")
    bench.csms.say("SignCertificate", no)
    trigger(bench)
    bench.go(1000.0)
    assert len(bench.payloads("SignCertificate")) == 1


@pytest.fixture
def client(make):
    """A 2.0.1 station that shows a certificate to the CSMS, and its operator's root."""
    bench = build(
        make,
        "2.0.1",
        security_profile=3,
        highest_security_profile=3,
        backoff_random_s=0.0,
        backoff_repeats=0,
    )
    install(bench, OPERATOR)
    return bench


def renewed(bench, days=-1):
    """Give the station a certificate that is valid from so many days from now on."""
    pem = answer(csr(bench), OPERATOR, start=days)
    word = give(bench, pem)
    bench.asked.clear()
    return word, pem


def test_a02_fr_08_it_is_used_on_a_new_connection_at_once(client):
    word, pem = renewed(client)
    client.go(20.0)
    assert word == "Accepted" and client.closes[-1][2] == "new certificate"
    assert client.asked[-1].certificate == pem and client.asked[-1].key
    assert client.asked[-1].password is None and client.asked[-1].security_profile == 3


def test_a02_fr_06_one_of_the_future_is_not_taken(client):
    word, _ = renewed(client, days=1)
    assert word == "Rejected" and not client.closes
    told = [p["type"] for p in client.go(1.0).payloads("SecurityEventNotification")]
    assert "InvalidChargingStationCertificate" in told


def test_1_6_a02_one_of_the_future_is_used_once_it_is_valid(make):
    bench = build(
        make,
        "1.6",
        security_profile=3,
        highest_security_profile=3,
        configuration={"SecurityProfile": "3", "CpoName": "Operator"},
    )
    install(bench, OPERATOR)
    word, pem = renewed(bench, days=1)
    assert word == "Accepted" and not bench.closes
    bench.go(86_460.0)
    assert bench.asked[-1].certificate == pem


def test_a02_fr_10_the_certificate_before_is_gone_once_the_new_one_led_somewhere(client):
    renewed(client)
    client.go(20.0)
    _, pem = renewed(client, days=-0.5)
    assert client.station.certificates.former is not None
    client.go(20.0)
    assert client.station.certificates.former is None
    assert {wish.certificate for wish in client.asked} == {pem}


def test_a02_fr_28_and_fr_29_a_new_one_that_leads_nowhere_takes_turns_with_the_old(client):
    _, old = renewed(client)
    client.go(20.0)
    client.reachable = False
    _, new = renewed(client, days=-0.5)
    client.go(75.0)
    assert [wish.certificate for wish in client.asked][:7] == [new] * 3 + [old] * 3 + [new]
    while client.asked[-1].certificate == new:
        client.go(10.0)
    client.reachable = True
    client.forget()
    client.go(20.0)
    assert client.asked[-1].certificate == old
    told = [p["type"] for p in client.payloads("SecurityEventNotification")]
    assert "DiscardedRenewedClientCertificate" in told
    client.drop()
    client.go(20.0)
    assert client.asked[-1].certificate == old and client.station.certificates.former is None


CHECKED = {"AdditionalRootCertificateCheck": "true"}


def with_two_roots(make):
    bench = build(
        make,
        "1.6",
        configuration={**CHECKED, "SecurityProfile": "2", "AuthorizationKey": "00" * 16},
        highest_security_profile=2,
        backoff_random_s=0.0,
    )
    install(bench, OPERATOR)
    install(bench, authority("New Root", by=OPERATOR))
    assert len(ids(bench)) == 2
    return bench


def test_m05_fr_13_the_old_root_is_gone_once_the_new_one_led_to_a_connection(make):
    bench = with_two_roots(make)
    bench.drop()
    bench.go(30.0)
    assert len(ids(bench)) == 1


def test_m05_fr_14_it_stays_where_it_may_have_been_needed(make):
    bench = with_two_roots(make)
    bench.reachable = False
    bench.drop()
    bench.go(15.0)
    bench.reachable = True
    bench.go(60.0)
    assert len(ids(bench)) == 2


def test_a03_fr_02_a_month_before_it_ends_the_next_one_is_asked_for(make):
    bench = build(make, "2.0.1")
    install(bench, OPERATOR)
    bench.csms.interval = 0
    assert give(bench, answer(csr(bench), OPERATOR, start=-1, days=32)) == "Accepted"
    bench.forget()
    bench.go(1.2 * 86_400.0)
    asked = bench.times("SignCertificate")
    begins = clock.parse(NOW.isoformat()) - bench.station.clock_zero
    assert asked[0] == pytest.approx(begins + 86_400.0, abs=1.0)


def test_a02_fr_13_a_v2g_certificate_is_one_of_its_own_with_its_chain_told(make):
    bench = build(make, "2.0.1")
    assert install(bench, OPERATOR, "V2GRootCertificate") == "Accepted"
    trigger(bench, "SignV2GCertificate")
    bench.go(1.0)
    asked = bench.payloads("SignCertificate")[0]
    assert asked["certificateType"] == "V2GCertificate"
    chain = answer(asked["csr"], BELOW, serial=0x99) + BELOW.pem
    payload = {"certificateChain": chain, "certificateType": "V2GCertificate"}
    assert bench.ask("CertificateSigned", payload) == {"status": "Accepted"}
    found = bench.ask("GetInstalledCertificateIds", {"certificateType": ["V2GCertificateChain"]})
    (row,) = found["certificateHashDataChain"]
    assert row["certificateHashData"]["serialNumber"] == "99"
    assert row["certificateHashData"]["issuerKeyHash"] == hash_data(BELOW)["issuerKeyHash"]
    assert row["childCertificateHashData"] == [hash_data(BELOW, OPERATOR)]


def test_m04_fr_03_what_vouches_for_the_stations_own_is_there_and_stays(make):
    bench = build(make, "2.0.1")
    install(bench, OPERATOR, "V2GRootCertificate")
    trigger(bench, "SignV2GCertificate")
    bench.go(1.0)
    chain = answer(bench.payloads("SignCertificate")[0]["csr"], BELOW, serial=0x99) + BELOW.pem
    payload = {"certificateChain": chain, "certificateType": "V2GCertificate"}
    bench.ask("CertificateSigned", payload)
    between = {"certificateHashData": hash_data(BELOW, OPERATOR)}
    assert bench.ask("DeleteCertificate", between) == {"status": "Failed"}


def test_keys_with_a_seed_repeat_themselves_and_others_do_not():
    one, same, other = X509Keys(1), X509Keys(1), X509Keys(2)
    assert one.pair("CSW-1", 5) == same.pair("CSW-1", 5)
    assert one.pair("CSW-1", 5) not in (one.pair("CSW-1", 6), one.pair("CSW-2", 5))
    assert one.pair("CSW-1", 5) != other.pair("CSW-1", 5)
    assert X509Keys().pair("CSW-1", 5) != X509Keys().pair("CSW-1", 5)
    mine = one.pair("CSW-1", 5)
    assert one.request(mine, "a", "b") == same.request(mine, "a", "b")


# -- plug and charge ------------------------------------------------------------------------------

EXI = "gJgCAAAAAAAAAAAB"


def test_m01_fr_01_what_an_ev_asks_is_passed_on_as_it_is(make):
    bench = build(make, "2.0.1")
    answered = {"status": "Accepted", "exiResponse": EXI}
    bench.csms.always["Get15118EVCertificate"] = answered
    bench.do("ev_certificate", EXI).do("ev_certificate", EXI, update=True).go(1.0)
    asked = bench.payloads("Get15118EVCertificate")
    assert [p["action"] for p in asked] == ["Install", "Update"]
    assert {p["exiRequest"] for p in asked} == {EXI}
    assert [what for _, what, _ in bench.station.diary][-1] == "ev_certificate Accepted"


@pytest.mark.parametrize("exi", ["", "not base64!", "A" * 5604])
def test_m01_without_a_request_of_an_ev_none_is_made_up(make, exi):
    bench = build(make, "2.0.1")
    with pytest.raises(ValueError, match="EXI request"):
        bench.station.ev_certificate(bench.now, exi)


def test_m01_there_is_none_in_1_6_nor_offline(make):
    assert build(make, "1.6").station.ev_certificate(5.0, EXI) is False
    bench = build(make, "2.0.1")
    bench.drop()
    assert bench.station.ev_certificate(bench.now, EXI) is False


def test_m06_fr_07_and_fr_10_revocation_is_asked_for_after_a_renewal_and_weekly(make):
    bench = build(make, "2.0.1")
    bench.csms.always["GetCertificateStatus"] = {"status": "Accepted", "ocspResult": "MAMKAQA="}
    install(bench, OPERATOR, "V2GRootCertificate")
    trigger(bench, "SignV2GCertificate")
    bench.go(1.0)
    asked = bench.payloads("SignCertificate")[0]["csr"]
    chain = answer(asked, BELOW, serial=0x99, responder="http://ocsp.example/") + BELOW.pem
    payload = {"certificateChain": chain, "certificateType": "V2GCertificate"}
    assert bench.ask("CertificateSigned", payload) == {"status": "Accepted"}
    bench.go(1.0)
    (told,) = bench.payloads("GetCertificateStatus")  # the authority names no responder
    assert told["ocspRequestData"]["responderURL"] == "http://ocsp.example/"
    assert told["ocspRequestData"]["serialNumber"] == "99"
    assert told["ocspRequestData"]["issuerKeyHash"] == hash_data(BELOW)["issuerKeyHash"]
    assert bench.station.certificates.revocation == {"99": "MAMKAQA="}
    bench.go(7 * 86_400.0)
    assert len(bench.payloads("GetCertificateStatus")) == 2


# -- as provisioned -------------------------------------------------------------------------------


def provisioned(make, version, **options):
    """A station with security profile 3 that comes with a root and a certificate of its own."""
    configuration = {OWNER[version]: "Operator"}
    profile = {"security_profile": 3, "highest_security_profile": 3}
    bench = make(version=version, configuration=configuration, **profile)
    keys = bench.station.keys
    chain, trusted = keys.read(leaf("SN-1", OPERATOR, **options).pem), keys.read(OPERATOR.pem)
    own = Own(chain, trusted[0], chain[0].pem, keys.pair("CSW-1", 1))
    certificates.provision(bench.station, csms_roots(keys, trusted), own)
    bench.boot()
    return bench, own


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_m03_m04_what_the_station_left_the_factory_with_is_in_its_store(make, version):
    bench, own = provisioned(make, version)
    (wish,) = bench.asked
    assert (wish.security_profile, wish.certificate, wish.key) == (3, own.pem, own.key)
    assert wish.roots == (OPERATOR.pem,) and wish.password is None
    assert [same(row) for row in ids(bench)] == [same(hash_data(OPERATOR))]
    # The only root that vouches for the CSMS stays, and so does the certificate in use.
    for paper, issuer in ((OPERATOR, None), (leaf("SN-1", OPERATOR), OPERATOR)):
        data = {"certificateHashData": hash_data(paper, issuer)}
        assert bench.ask("DeleteCertificate", data) == {"status": "Failed"}


def same(data):
    return {name: value.lower() for name, value in data.items()}


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_a03_a_provisioned_certificate_is_renewed_a_month_before_it_ends(make, version):
    bench, _ = provisioned(make, version, days=33)
    bench.run(1.5 * 86_400.0)
    assert "SignCertificate" not in bench.actions()
    bench.run(3 * 86_400.0)
    assert bench.actions().count("SignCertificate") >= 1


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_a03_a_certificate_of_a_few_days_is_not_renewed_over_and_over(make, version):
    bench, _ = provisioned(make, version, days=9)
    bench.run(4.9 * 86_400.0)
    assert "SignCertificate" not in bench.actions()
    bench.run(5.1 * 86_400.0)
    assert bench.actions().count("SignCertificate") >= 1

"""Whatever the CSMS asks of the device model: an answer that fits its schema, a sound station."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from station_harness import Bench

from simulator.station import v201_device
from simulator.station.payloads import INTERNAL
from simulator.station.settings import ALL_MEASURANDS, Hardware

DC = Hardware("dc", 3, 150_000.0, 150_000.0, "cCCS2")
ROWS = v201_device.build(DC, ALL_MEASURANDS, 2).variables
VALUES = st.text(max_size=40) | st.sampled_from(
    ["true", "0", "1", "-1", "+7", "60", "2147483647", "99999999999", "1,0", "0", "SoC", "²", "٣"]
)
KINDS = st.sampled_from(["Actual", "Target", "MinSet", "MaxSet"])
NUMBERS = st.integers(-2, 4)


@st.composite
def items(draw, with_value):
    row = draw(st.sampled_from(ROWS))
    where = {"name": draw(st.just(row.component) | st.text(max_size=50))}
    if row.evse or draw(st.booleans()):
        where["evse"] = {"id": draw(st.just(row.evse) | NUMBERS)}
        if row.connector or draw(st.booleans()):
            where["evse"]["connectorId"] = draw(st.just(row.connector) | NUMBERS)
    what = {"name": draw(st.just(row.name) | st.text(max_size=50))}
    if row.instance or draw(st.booleans()):
        what["instance"] = draw(st.just(row.instance) | st.text(max_size=50))
    found = {"component": where, "variable": what}
    if draw(st.booleans()):
        found["attributeType"] = draw(KINDS)
    return found | ({"attributeValue": draw(VALUES)} if with_value else {})


def plain(found):
    """As GetReport wants it."""
    return {name: found[name] for name in ("component", "variable")}


REQUESTS = st.one_of(
    st.builds(
        lambda rows: ("SetVariables", {"setVariableData": rows}),
        st.lists(items(True), min_size=1, max_size=6),
    ),
    st.builds(
        lambda rows: ("GetVariables", {"getVariableData": rows}),
        st.lists(items(False), min_size=1, max_size=6),
    ),
    st.builds(
        lambda rows, words: (
            "GetReport",
            {"requestId": 1}
            | ({"componentVariable": [plain(row) for row in rows]} if rows else {})
            | ({"componentCriteria": words} if words else {}),
        ),
        st.lists(items(False), max_size=3),
        st.lists(st.sampled_from(["Active", "Available", "Enabled", "Problem"]), max_size=4),
    ),
    st.builds(
        lambda slot, url, level: (
            "SetNetworkProfile",
            {
                "configurationSlot": slot,
                "connectionData": {
                    "ocppVersion": "OCPP20",
                    "ocppTransport": "JSON",
                    "ocppCsmsUrl": url,
                    "messageTimeout": 30,
                    "securityProfile": level,
                    "ocppInterface": "Wired0",
                },
            },
        ),
        NUMBERS,
        st.sampled_from(["ws://a", "ws://[", "//", "ws://a:b", "wss://a/b"]) | st.text(max_size=60),
        NUMBERS,
    ),
    st.just(("Reset", {"type": "Immediate"})),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(REQUESTS, min_size=1, max_size=8))
def test_no_request_upsets_the_station(requests):
    bench = Bench(version="2.0.1", hardware=DC, evses=2, reboot_s=5.0, backoff_random_s=0.0).boot()
    for action, payload in requests:
        frame = bench.call(action, payload)
        assert frame is None or frame[0] == 3 or frame[2] != INTERNAL, (payload, frame)
        bench.go(40.0)
    bench.close()

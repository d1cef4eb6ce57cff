"""What is said about each kind of mistake, to the letter: file, field, value, remedy."""

from __future__ import annotations

import pytest

from simulator.scenario.document import table_fields
from simulator.scenario.model import ScenarioFile
from simulator.scenario.problems import listed
from simulator.scenario.site_model import Site

SITE_FIELDS = listed(list(table_fields(Site)))
FILE_FIELDS = listed(list(table_fields(ScenarioFile)))
AUTHORISE = "a loopback address, or csms.authorised = true if you may put load on it"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'grid_limit = "300 kW"',
            "grid_limit = 300",
            "sites.ring-road.grid_limit: value 300: expected a power with its unit, such as "
            "\"600 kW\"; did you mean '300 kW'?",
        ),
        (
            '"300 kW"',
            '"300 kWh"',
            "sites.ring-road.grid_limit: value '300 kWh': expected a power with its unit, such as "
            "\"600 kW\" (units: kW, W, MW); did you mean '300 kW'?",
        ),
        (
            '"300 kW"',
            '"-300 kW"',
            "sites.ring-road.grid_limit: value '-300 kW': expected a power above 0; "
            "did you mean '300 kW'?",
        ),
        (
            '"300 kW"',
            '"1 kW"',
            "sites.ring-road.grid_limit: value '1 kW': expected at least 1.38 kW, below which no "
            "ac-22-single can charge",
        ),
        (
            "grid_limit",
            "gird_limit",
            f"sites.ring-road.gird_limit: value '300 kW': expected a known field ({SITE_FIELDS}); "
            "did you mean 'grid_limit'?",
        ),
        (
            "[live]",
            "[lvie]",
            f"lvie: value {{...}}: expected a known field ({FILE_FIELDS}); did you mean 'live'?",
        ),
        (
            'name = "test"\n',
            "",
            "scenario.name: expected this field: Name of the scenario; run folders begin with it",
        ),
        ('name = "test"', "name = 7", "scenario.name: value 7: expected text in quotes"),
        (
            "count = 2 }",
            'count = "2" }',
            "sites.ring-road.stations[0].count: value '2': expected a whole number",
        ),
        (
            "count = 2\n",
            "count = true\n",
            "sites.ring-road.count: value true: expected a whole number",
        ),
        (
            "count = 2\n",
            "count = 0\n",
            "sites.ring-road.count: value 0: expected a number of 1 or more",
        ),
        (
            "visits_per_evse_day = 6.0",
            "visits_per_evse_day = 0",
            "sites.ring-road.visits_per_evse_day: value 0: expected a number above 0",
        ),
        (
            "visits_per_evse_day = 6.0",
            "visits_per_evse_day = inf",
            "sites.ring-road.visits_per_evse_day: value inf: expected a finite number",
        ),
        (
            '"dc-150-dual"',
            '"dc-150-duel"',
            "sites.ring-road.stations[0].model: value 'dc-150-duel': expected a profile "
            "(stations): ac-11-quarter-hour, ac-11-single, ac-22-dual, ac-22-dual-legacy, "
            "ac-22-dual-quarter-hour, ac-22-single, "
            "ac-4-lamp-post, ac-7-single, dc-150-dual, dc-172-dual, dc-50-dual, dc-50-legacy, "
            "dc-50-single, depot-150-triple, depot-450-pantograph, home-11-single, hpc-180-quad, "
            "hpc-300-dual or hpc-600-satellites; "
            "did you mean 'dc-150-dual'?",
        ),
        (
            'arrivals = "public-dc"',
            'arrivals = "publik-dc"',
            "sites.ring-road.arrivals: value 'publik-dc': expected a profile (arrivals): dc-hpc, "
            "home, home-apartment, public-ac, public-dc or workplace; did you mean 'public-dc'?",
        ),
        (
            'vehicles = "europe-2021"',
            'vehicles = "../europe-2021"',
            "sites.ring-road.vehicles: value '../europe-2021': expected a profile (vehicles): "
            "depot-example or europe-2021; did you mean 'europe-2021'?",
        ),
        (
            'arrivals = "public-dc"\nvisits_per_evse_day = 6.0\nvehicles = "europe-2021"',
            "",
            "sites.ring-road.arrivals: expected arrivals, a depot, or a [trace] that this site "
            "replays",
        ),
        (
            "visits_per_evse_day = 6.0\n",
            "",
            "sites.ring-road.visits_per_evse_day: expected visits per EVSE and day, such as 1.5 "
            "(the site has arrivals)",
        ),
        (
            'vehicles = "europe-2021"\n',
            "",
            "sites.ring-road.vehicles: expected a vehicle mix (the site has arrivals)",
        ),
        (
            "visits_per_evse_day = 6.0",
            'visits_per_evse_day = 6.0\npolicy = "equal-share"',
            "sites.ring-road.policy: value 'equal-share': expected a policy: uncontrolled, "
            "equal_share, round_robin, fcfs, edf, llf, priority or weighted; did you mean "
            "'equal_share'?",
        ),
        (
            "visits_per_evse_day = 6.0",
            'visits_per_evse_day = 6.0\ncontrol = "locl"',
            "sites.ring-road.control: value 'locl': expected who keeps the site limit on a live "
            "run: local, csms or none; did you mean 'local'?",
        ),
        (
            "visits_per_evse_day = 6.0",
            "visits_per_evse_day = 6.0\nqueue = -1",
            "sites.ring-road.queue: value -1: expected true, false, or the largest number of "
            "waiting drivers",
        ),
        (
            "visits_per_evse_day = 6.0",
            "visits_per_evse_day = 6.0\nqueue = 99999999999999999999",
            "sites.ring-road.queue: value 99999999999999999999: expected true, false, or the "
            "largest number of waiting drivers, at most 1000000; did you mean 'true'?",
        ),
        (
            "visits_per_evse_day = 6.0",
            'visits_per_evse_day = 6.0\nrotate = "1 ms"',
            "sites.ring-road.rotate: value '1 ms': expected a duration of at least 1s",
        ),
        (
            "visits_per_evse_day = 6.0",
            'visits_per_evse_day = 6.0\npolicy_interval = "0.5s"',
            "sites.ring-road.policy_interval: value '0.5s': expected a duration of at least 1s",
        ),
        (
            'name = "test"',
            f'name = "{"x" * 101}"',
            f"scenario.name: value '{'x' * 56}...: "
            "expected 1 to 100 characters that can be printed",
        ),
        (
            'name = "test"',
            'name = "a\\u0007b"',
            "scenario.name: value 'a\\x07b': expected 1 to 100 characters that can be printed",
        ),
        (
            "visits_per_evse_day = 6.0",
            'visits_per_evse_day = 6.0\nrotate = "0s"',
            "sites.ring-road.rotate: value '0s': expected a duration above 0",
        ),
        (
            'name = "home"',
            'name = "ring-road"',
            "sites[1].name: value 'ring-road': expected a name of its own (sites[0] is called "
            "that)",
        ),
        (
            'name = "home"',
            'name = "my home"',
            "sites[1].name: value 'my home': expected a name of letters, digits, '-' and '_' that "
            "starts with a letter, at most 32 long; did you mean 'my-home'?",
        ),
        (
            'model = "home-11-single", count = 3',
            'model = "home-11-single", names = ["a"]',
            "sites.home.stations[0].names: value [...]: expected nothing here: only a trace uses "
            "EVSE names",
        ),
        (
            "2026-06-01T00:00:00",
            "2026-03-29T02:30:00",
            "scenario.start: value 2026-03-29 02:30:00: expected a local time that exists in "
            "Europe/Berlin (clocks go forward there); did you mean '2026-03-29T03:30:00'?",
        ),
        (
            "2026-06-01T00:00:00",
            "2026-10-25T02:30:00",
            "scenario.start: value 2026-10-25 02:30:00: expected a local time that exists once in "
            "Europe/Berlin (clocks go back there); did you mean '2026-10-25T03:30:00'?",
        ),
        (
            "2026-06-01T00:00:00",
            "2026-06-01T00:00:00Z",
            "scenario.start: value 2026-06-01 00:00:00+00:00: expected a local time without "
            "offset such as 2026-06-01T00:00:00 (the zone is scenario.timezone); "
            "did you mean '2026-06-01T00:00:00'?",
        ),
        (
            "start = 2026-06-01T00:00:00",
            'start = "tomorrow"',
            "scenario.start: value 'tomorrow': expected a local time without offset such as "
            "2026-06-01T00:00:00",
        ),
        (
            "Europe/Berlin",
            "Europe/Berlim",
            "scenario.timezone: value 'Europe/Berlim': expected an IANA time zone such as "
            "\"Europe/Berlin\"; did you mean 'Europe/Berlin'?",
        ),
        (
            'timezone = "Europe/Berlin"',
            'timezone = "Europe/Berlin"\nduration = 86400',
            'scenario.duration: value 86400: expected a duration with its unit, such as "15m"; '
            "did you mean '86400 s'?",
        ),
        (
            '"embedded"',
            '"ws://csms.example/{station_id}"',
            f"csms.url: value 'ws://csms.example/{{station_id}}': expected {AUTHORISE}",
        ),
        (
            '"embedded"',
            '"ws://10.0.0.1:9000/ocpp?key=abc"',
            f"csms.url: value 'ws://10.0.0.1:9000/ocpp?key=***': expected {AUTHORISE}",
        ),
        (
            '"embedded"',
            '"embeded"',
            "csms.url: value 'embeded': expected \"embedded\", or an address such as "
            "ws://127.0.0.1:9000/ocpp/{station_id}; did you mean 'embedded'?",
        ),
        (
            '"embedded"',
            '"http://127.0.0.1:9000"',
            "csms.url: value 'http://127.0.0.1:9000': expected \"embedded\", or an address such "
            "as ws://127.0.0.1:9000/ocpp/{station_id}; did you mean 'ws://127.0.0.1:9000'?",
        ),
        (
            '"embedded"',
            '"127.0.0.1:9000"',
            "csms.url: value '127.0.0.1:9000': expected \"embedded\", or an address such as "
            "ws://127.0.0.1:9000/ocpp/{station_id}; did you mean 'ws://127.0.0.1:9000'?",
        ),
        (
            '"embedded"',
            '"ws://me:secret@127.0.0.1/"',
            "csms.url: value 'ws://***@127.0.0.1/': expected an address without credentials "
            "(they go into csms.password)",
        ),
        (
            '"embedded"',
            '"embedded"\nversions = { "2.0" = 1.0 }',
            "csms.versions: value {...}: expected supported OCPP versions only (1.6 or 2.0.1), not "
            "'2.0'; did you mean '{ \"2.0.1\" = 1.0 }'?",
        ),
        (
            '"embedded"',
            '"embedded"\nversions = { "1.6" = 0.5 }',
            "csms.versions: value {...}: expected OCPP versions and their shares, such as "
            '{ "1.6" = 0.7, "2.0.1" = 0.3 }: shares that sum to 1',
        ),
        (
            '"embedded"',
            '"embedded"\nsecurity_profile = 4',
            "csms.security_profile: value 4: expected a number of at most 3",
        ),
        (
            '"embedded"',
            '"embedded"\nsecurity_profile = 1\npassword = "hunter2"',
            "csms.password: value '***': expected a table",
        ),
        (
            '"embedded"',
            '"embedded"\nsecurity_profile = 1\npassword = {}',
            'csms.password: value {}: expected { env = "VARIABLE" } or { file = "path" }',
        ),
        (
            '"embedded"',
            '"embedded"\npassword = { env = "X" }',
            "csms.password: value {...}: expected nothing here: only security_profile = 1 or 2 "
            "sends a password",
        ),
        (
            '"embedded"',
            '"wss://127.0.0.1/"',
            "csms.security_profile: expected 2 or 3, with a wss:// address (password or "
            "certificate over TLS)",
        ),
        (
            '"embedded"',
            '"ws://127.0.0.1/{station_id}/{station_id}"',
            "csms.url: value 'ws://127.0.0.1/{station_id}/{station_id}': expected an address with "
            "{station_id} once, in its path or query",
        ),
        (
            '"embedded"',
            '"ws://127.0.0.1/a b"',
            "csms.url: value 'ws://127.0.0.1/a b': expected an address of printable ASCII without "
            "spaces and without '#'",
        ),
        (
            "[live]",
            '[live]\nfrom = "25:00"',
            "live.from: value '25:00': expected a time of day such as \"17:00\"",
        ),
        (
            "[live]",
            '[live]\nfrom = "7:00"',
            "live.from: value '7:00': expected a time of day such as \"17:00\"; "
            "did you mean '07:00'?",
        ),
        ("[live]", "[live]\nspeed = 0", "live.speed: value 0: expected a number above 0"),
        (
            "[live]",
            "[live]\nmax_rate = 500",
            "live.max_rate: value 500: expected a rate with its "
            "unit, such as \"500/s\"; did you mean '500/s'?",
        ),
        (
            'kind = "ramp"',
            'kind = "rmap"',
            "live.stages[0].kind: value 'rmap': expected a kind of stage: ramp, hold, step, spike, "
            "sine or soak; did you mean 'ramp'?",
        ),
        (
            'kind = "ramp", for = "10s", to = "100 %"',
            'kind = "ramp", for = "10s"',
            'live.stages[0].to: expected the stations at its end, such as "100 %"',
        ),
        (
            'kind = "hold", for = "1m"',
            'kind = "hold", for = "1m", to = 5',
            "live.stages[1].to: value 5: expected nothing here: a hold keeps the stations it has",
        ),
        (
            'kind = "hold", for = "1m"',
            'kind = "step", for = "1m", to = ["50 %"], each = "10s"',
            "live.stages[1].for: value '1m': expected nothing here: each level of a step lasts as "
            "long as `each` says",
        ),
        (
            '"100 %"',
            '"100"',
            "live.stages[0].to: value '100': expected a number of stations, or a share such as "
            "\"100 %\"; did you mean '100 %'?",
        ),
        (
            '"100 %"',
            '"120 %"',
            'live.stages[0].to: value \'120 %\': expected a share between "0 %" and "100 %"',
        ),
        (
            '{ kind = "ramp", for = "10s", to = "100 %" }, ',
            "",
            "live.stages[0].kind: value 'hold': expected a ramp as the first stage; "
            "did you mean 'ramp'?",
        ),
        (
            '{ kind = "ramp", for = "10s", to = "100 %" }, { kind = "hold", for = "1m" }',
            "",
            "live.stages: value []: expected at least 1 of them",
        ),
        (
            'for = "10s", to = "100 %" }, { kind = "hold", for = "1m" }',
            'for = "0s", to = "100 %" }',
            "live.stages: expected stages that last longer than 0 s",
        ),
        (
            "[live]",
            '[slo]\nrequire = ["p95(*.response) < 500"]\n[live]',
            "slo.require[0]: value 'p95(*.response) < 500': expected a duration with its unit, "
            'such as "15m" (units: s, ms, us, m, min, h, d) as the limit; '
            "did you mean 'p95(*.response) < 500 s'?",
        ),
        (
            "[live]",
            '[slo]\nrequire = "p95(*.response) < 500 ms"\n[live]',
            "slo.require: value 'p95(*.response) < 500 ms': expected a list",
        ),
        (
            "[live]",
            '[record]\ninterval = "10m"\n[live]',
            "record.interval: value '10m': expected a billing interval (15m) that is a multiple "
            "of the recording interval (10m)",
        ),
        (
            "[csms]",
            '[trace]\nfile = "t.csv"\n[csms]',
            "trace.site: expected the site that replays the trace (ring-road or home), without "
            "arrivals",
        ),
        (
            "[csms]",
            '[trace]\nfile = "t.csv"\nsite = "hoem"\n[csms]',
            "trace.site: value 'hoem': expected a site: ring-road or home; did you mean 'home'?",
        ),
        (
            "[[sites]]\nname",
            "[sites]\nname",
            "sites: value {...}: expected a list",
        ),
    ],
)
def test_each_mistake_is_one_located_message(old: str, new: str, message: str, say) -> None:
    if old.startswith("[[sites]]"):
        text = '[scenario]\nname = "x"\nstart = 2026-06-01\n[sites]\nname = "a"\n'
        assert say(text=text) == [f"s.toml: {message}"]
        return
    files = {"t__csv": "session_id,evse,arrival,departure,energy_kWh,max_kW\na,0001-1,0,9,1,7\n"}
    assert say((old, new), **files) == [f"s.toml: {message}"]


def test_controllers_and_events_are_those_that_exist(say) -> None:
    plain = {"options": {}, "needs": ()}
    known = {"controllers": {"price": plain, "peak": plain}, "events": {"outage": {}}}
    wrong = (
        ("vehicles", 'controller = { kind = "prise" }\nvehicles'),
        ("[csms]", '[[events]]\nkind = "outrage"\n\n[csms]'),
    )
    assert say(*wrong, options=known) == [
        "s.toml: sites.ring-road.controller.kind: value 'prise': expected a controller: price or "
        "peak; did you mean 'price'?",
        "s.toml: events[0].kind: value 'outrage': expected a kind of event: outage; did you mean "
        "'outage'?",
    ]
    assert say(*wrong)[0].endswith("expected a controller: there is none yet")

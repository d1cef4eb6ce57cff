"""Inventories: rows are read as they stand, every mistake is located, passwords stay private."""

from __future__ import annotations

import pytest

from simulator.scenario import InputError, load_scenario
from simulator.scenario.inventory import read_stations, read_tokens

STATIONS = "id,version,vendor,model,serial,connectors,password\n"
ROW = "ST-1,1.6,Acme,One,S1,2,\n"


@pytest.fixture
def stations(tmp_path):
    def read(text: str, mode: int = 0o600, **options):
        path = tmp_path / "stations.csv"
        path.write_text(text)
        path.chmod(mode)
        return read_stations(path, "stations.csv", **options)

    return read


@pytest.fixture
def tokens(tmp_path):
    def read(text: str):
        path = tmp_path / "tokens.csv"
        path.write_text(text)
        return read_tokens(path, "tokens.csv")

    return read


def said(read, *args, **options) -> list[str]:
    with pytest.raises(InputError) as caught:
        read(*args, **options)
    return [str(problem) for problem in caught.value.problems]


def test_stations_are_read_as_they_stand(stations) -> None:
    rows = stations(STATIONS + ROW + 'DE*ABC*E1,1.6,"Acme, Inc.",Two,S2,1, pass word \n')
    assert [row.id for row in rows] == ["ST-1", "DE*ABC*E1"]
    assert rows[1].vendor == "Acme, Inc." and rows[1].connectors == 1
    assert rows[0].password == "" and rows[1].password == " pass word "
    assert "pass word" not in repr(rows[1])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (",1.6,A,M,S,1,", "'id': expected a station identity of 1 to 48 characters without ':'"),
        (
            "a:b,1.6,A,M,S,1,",
            "'id': value 'a:b': expected a station identity of 1 to 48 characters without ':'",
        ),
        (
            "ST-1,1.6,A,M,S,1,",
            "'id': value 'ST-1': expected an identity of its own (line 2 has it)",
        ),
        (
            "x,1.5,A,M,S,1,",
            "'version': value '1.5': expected a supported OCPP version: 1.6 or 2.0.1; did you "
            "mean '1.6'?",
        ),
        (
            f"x,2.0.1,{'A' * 51},M,S,1,",
            f"'vendor': value '{'A' * 51}': expected text of 1 to 50 characters, as OCPP 2.0.1 has "
            f"it",
        ),
        ("x,1.6,,M,S,1,", "'vendor': expected text of 1 to 20 characters, as OCPP 1.6 has it"),
        (
            f"x,1.6,A,{'M' * 21},S,1,",
            f"'model': value '{'M' * 21}': expected text of 1 to 20 characters, as OCPP 1.6 has it",
        ),
        (
            f"x,1.6,A,M,{'S' * 26},1,",
            f"'serial': value '{'S' * 26}': expected text of 1 to 25 characters, as OCPP 1.6 has "
            f"it",
        ),
        (
            "x,1.6,A,M,S,0,",
            "'connectors': value '0': expected a whole number of connectors of 1 or more",
        ),
        (
            "x,1.6,A,M,S,two,",
            "'connectors': value 'two': expected a whole number of connectors of 1 or more",
        ),
        ("x,1.6,A,M,S,,", "'connectors': expected a whole number of connectors of 1 or more"),
    ],
)
def test_a_wrong_station_is_located(row: str, message: str, stations) -> None:
    assert said(stations, f"{STATIONS}{ROW}{row}\n") == [f"stations.csv: line 3, column {message}"]


def test_mistakes_in_the_layout_are_located(stations) -> None:
    assert said(stations, STATIONS + "a,1.6\n") == [
        "stations.csv: line 2: expected 7 values, as the header has, not 2"
    ]
    assert said(stations, STATIONS) == ["stations.csv: expected at least one station"]
    assert said(stations, STATIONS.replace("serial", "serail") + ROW) == [
        "stations.csv: line 1, column 'serial': value 'serail': expected a header with id, "
        "version, vendor, model, serial, connectors and password; did you mean 'serial'?"
    ]


def test_a_file_with_passwords_must_be_private(stations) -> None:
    secret = ROW.replace(",\n", ",hunter2\n")
    assert stations(STATIONS + secret, 0o600)[0].password == "hunter2"
    assert stations(STATIONS + ROW, 0o644)[0].password == ""
    lines = said(stations, STATIONS + secret, 0o640)
    assert lines == [
        "stations.csv: expected a file with mode 0600, since it holds passwords "
        "(chmod 600 stations.csv)"
    ]


def test_a_profile_with_passwords_needs_them(stations, write) -> None:
    assert said(stations, STATIONS + ROW, needs_password=True) == [
        "stations.csv: line 2, column 'password': expected a password (security_profile = 1 or 2, "
        "and csms.password is not set)"
    ]
    path = write(
        ("[scenario]", 'fleet = "stations.csv"\n[scenario]'),
        ('"embedded"', '"embedded"\nsecurity_profile = 1'),
        stations__csv=STATIONS + ROW,
    )
    with pytest.raises(InputError, match="column 'password'"):
        load_scenario(path)


def test_no_password_reaches_the_resolved_scenario(write, tmp_path) -> None:
    path = write(
        ("[scenario]", 'fleet = "stations.csv"\n[scenario]'),
        ('"embedded"', '"embedded"\nsecurity_profile = 1'),
        stations__csv=STATIONS + ROW.replace(",\n", ",hunter2\n"),
    )
    (tmp_path / "stations.csv").chmod(0o600)
    scenario = load_scenario(path)
    assert scenario.network().sites[0].stations[0].password == "hunter2"
    assert "hunter2" not in repr(scenario.as_dict())
    assert "hunter2" not in repr(scenario)


def test_tokens_are_read_as_they_stand(tokens) -> None:
    rows = tokens("token,type,status\nABC,ISO14443,Accepted\nDEF,Central,Blocked\n")
    assert [(r.token, r.type, r.status) for r in rows] == [
        ("ABC", "ISO14443", "Accepted"),
        ("DEF", "Central", "Blocked"),
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            ",Central,Accepted",
            "'token': expected a token of 1 to 20 characters, as OCPP 1.6 has it",
        ),
        (
            f"{'x' * 21},Central,Accepted",
            "'token': expected a token of 1 to 20 characters, as OCPP 1.6 has it",
        ),
        ("abc,Central,Accepted", "'token': expected a token of its own (line 2 has it)"),
        (
            "x,Centrl,Accepted",
            "'type': value 'Centrl': expected Central, eMAID, ISO14443, ISO15693, KeyCode, Local, "
            "MacAddress or NoAuthorization; did you mean 'Central'?",
        ),
        (
            "x,Central,accepted",
            "'status': value 'accepted': expected Accepted, Blocked, Expired, Invalid or "
            "ConcurrentTx; did you mean 'Accepted'?",
        ),
        ("x,Central,", "'status': expected Accepted, Blocked, Expired, Invalid or ConcurrentTx"),
    ],
)
def test_a_wrong_token_is_located_and_not_shown(row: str, message: str, tokens) -> None:
    text = f"token,type,status\nABC,Central,Accepted\n{row}\n"
    assert said(tokens, text) == [f"tokens.csv: line 3, column {message}"]


def test_tokens_of_which_none_is_accepted_are_refused(tokens) -> None:
    assert said(tokens, "token,type,status\nABC,Central,Blocked\n") == [
        "tokens.csv: column 'status': expected at least one token with the status Accepted, or "
        "no driver can charge"
    ]
    assert said(tokens, "token,type,status\n") == ["tokens.csv: expected at least one token"]


def test_files_that_are_not_there_are_all_reported(say) -> None:
    top = ("[scenario]", 'fleet = "a.csv"\ntokens = "b.csv"\n[scenario]')
    assert say(top) == [
        "s.toml: fleet: value 'a.csv': expected a file that exists",
        "s.toml: tokens: value 'b.csv': expected a file that exists",
    ]

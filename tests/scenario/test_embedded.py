"""How our own CSMS is set up: which files it is given, and that nobody else's is."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator import load_scenario as load_with_everything
from simulator.scenario import ScenarioError, load_scenario

FILES = {
    "script__toml": '[["1.6"]]\naction = "GetConfiguration"\n',
    "tokens__csv": "token,type,status\nCARD-1,ISO14443,Accepted\n",
}


def swap(options: str, url: str = "embedded") -> tuple[str, str]:
    return 'url = "embedded"', f'url = "{url}"\nembedded = {{ {options} }}'


def test_what_our_csms_can_be_told_is_read(write) -> None:
    options = 'on_boot = "script.toml", heartbeat = "2m", http = 0, sqlite = "x.db"'
    path = write(swap(f'{options}, tokens = "tokens.csv"'), **FILES)
    embedded = load_scenario(path).file.csms.embedded
    assert (embedded.on_boot, embedded.heartbeat, embedded.http) == ("script.toml", 120.0, 0)
    assert embedded.given == ("on_boot", "heartbeat", "http", "sqlite", "tokens")
    assert load_scenario(write()).file.csms.embedded.given == ()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            'on_boot = "usual-question"',
            "on_boot: value 'usual-question': expected a file that exists, or one that ships:"
            " new-certificates or usual-questions; did you mean 'usual-questions'?",
        ),
        ('on_boot = ""', "on_boot: value '': expected a file that exists, or one that ships"),
        ('heartbeat = "1500 ms"', "heartbeat: value '1500 ms': expected whole seconds, 1 or more"),
        ("http = 70000", "http: value 70000: expected a number of at most 65535"),
        ('sqlite = "gone/x.db"', "sqlite: value 'gone/x.db': expected a file in a folder that"),
        ('sqlite = "."', "sqlite: value '.': expected the name of a file"),
        ('stations = "no.csv"', "stations: value 'no.csv': expected a file that exists"),
        (
            'tokens = "token.csv"',
            "tokens: value 'token.csv': expected a file that exists; did you",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_name(say, options: str, said: str) -> None:
    lines = say(swap(options), **FILES)
    assert len(lines) == 1 and lines[0].startswith(f"s.toml: csms.embedded.{said}"), lines


def test_somebody_elses_csms_is_not_set_up(say, write) -> None:
    options = 'on_boot = "usual-questions", http = 9001'
    said = 'expected nothing here: the target is not ours to set up (csms.url is not "embedded")'
    assert say(swap(options, "ws://127.0.0.1:9000/ocpp")) == [
        f"s.toml: csms.embedded.on_boot: value 'usual-questions': {said}",
        f"s.toml: csms.embedded.http: value 9001: {said}",
    ]
    path = write(swap(options))
    with pytest.raises(ScenarioError) as error:
        load_scenario(path, csms_url="ws://127.0.0.1:9000/ocpp")
    assert "csms.embedded.on_boot" in str(error.value)
    with pytest.raises(ScenarioError) as error:
        load_scenario(path).replace(csms_url="ws://127.0.0.1:9000/ocpp")
    assert "csms.embedded.http" in str(error.value)
    bare = load_scenario(path, sets=["csms.embedded={}"], csms_url="ws://127.0.0.1:9000/ocpp")
    assert bare.file.csms.embedded.given == ()


def test_a_mistake_in_a_boot_script_is_found_with_the_scenario(write, tmp_path: Path) -> None:
    path = write(swap('on_boot = "wrong.toml"'), wrong__toml='[["1.6"]]\naction = "GetConfig"\n')
    with pytest.raises(ScenarioError) as error:
        load_with_everything(path)
    assert "wrong.toml" in str(error.value) and "GetConfiguration" in str(error.value)
    assert load_with_everything(write(swap('on_boot = "script.toml"'), **FILES))


def test_a_mistake_in_what_our_csms_knows_is_found_with_the_scenario(say) -> None:
    lines = say(swap('tokens = "t.csv"'), t__csv="token,type,status\nCARD-1,ISO14443,Acepted\n")
    assert len(lines) == 1 and lines[0].startswith("t.csv: line 2, column 'status'")

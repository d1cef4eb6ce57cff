"""What every version's table promises to those who count by it and to those who configure it."""

import pytest

from simulator.station import v16_keys, v201_keys
from simulator.station.events import Event
from simulator.station.settings import Settings
from simulator.station.versions import (
    TABLES,
    configuration_of,
    reads_idle_apart,
    statuses_at_boot,
)


@pytest.mark.parametrize(("version", "told"), [("1.6", 3), ("2.0.1", 2)])
def test_as_many_statuses_follow_a_boot_as_the_prediction_is_told(make, version, told):
    bench = make(version=version, evses=2).start().go(5.0)
    assert bench.actions().count("StatusNotification") == told
    assert statuses_at_boot(TABLES[version], 2) == told


def test_only_2_0_1_reads_an_evse_without_a_transaction_into_another_message():
    assert [reads_idle_apart(TABLES[version]) for version in ("1.6", "2.0.1")] == [False, True]


def test_each_table_answers_for_every_event():
    told = [set(table.messages) for table in TABLES.values()]
    assert set().union(*told) == set(Event)
    assert told[0] < told[1]  # what only 2.0.1 tells


def test_keys_of_1_6_become_the_variables_that_set_the_same():
    given = {
        "NumberOfConnectors": "2",
        "connectiontimeout": "45",
        "MinimumStatusDuration": "3",
        "TransactionMessageAttempts": "5",
        "StopTxnSampledData": "SoC",
    }
    own = configuration_of("2.0.1", given)
    assert own == {
        "TxCtrlr.EVConnectionTimeOut": "45",
        "OCPPCommCtrlr.MessageAttempts[TransactionEvent]": "5",
        "SampledDataCtrlr.TxEndedMeasurands": "SoC",
    }
    conf = TABLES["2.0.1"].configure(Settings("run", own), {})
    assert (conf.connection_timeout_s, conf.attempts) == (45.0, 5)
    assert configuration_of("1.6", given) == given


def test_a_name_that_is_no_key_is_an_error_with_the_nearest_one():
    for version in TABLES:
        with pytest.raises(ValueError, match="did you mean 'ConnectionTimeOut'"):
            configuration_of(version, {"ConectionTimeOut": "45"})


def test_every_translation_is_from_a_key_to_a_variable_of_the_same_kind():
    for key, variable in v201_keys.FROM_16.items():
        old, new = v16_keys.KEYS[key.lower()], v201_keys.KEYS[variable.lower()]
        assert old.kind is new.kind and old.minimum <= new.minimum, key
        assert new.maximum <= old.maximum, key


def test_2_0_1_e03_occupied_is_told_where_the_token_came_before_the_plug(make):
    """Charging changes no word by itself, but the plug that comes with it does."""
    bench = make(version="2.0.1").boot()
    bench.do("present_token", 1, "TAG").go(1.0)
    assert bench.statuses(1) == []
    bench.do("plug_in", 1).go(1.0)
    assert bench.statuses(1) == ["Occupied"]
    bench.do("present_token", 1, "TAG").go(1.0).do("unplug", 1).go(1.0)
    assert bench.statuses(1) == ["Occupied", "Available"]

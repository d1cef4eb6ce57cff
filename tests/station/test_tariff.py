"""OCPP 2.0.1 block I: what drivers are told of prices and cost."""

import pytest
from station_harness import SILENT, Refuse

FALLBACK = {
    "TariffCostCtrlr.TariffFallbackMessage": "0.50 EUR/kWh",
    "TariffCostCtrlr.TotalCostFallbackMessage": "see your invoice",
}


@pytest.fixture
def make201(make):
    def build(configuration=FALLBACK, **kwargs):
        return make(version="2.0.1", evses=2, configuration=configuration, **kwargs).boot()

    return build


def content(text, form="UTF8"):
    return {"format": form, "content": text}


def accepted(text=None, form="UTF8"):
    info = {"status": "Accepted"}
    return {
        "idTokenInfo": info if text is None else {**info, "personalMessage": content(text, form)}
    }


def charge(bench, token="TAG", evse=1):
    return bench.do("plug_in", evse).do("present_token", evse, token).go(1.0)


def transaction(bench, n=0):
    return bench.payloads("TransactionEvent")[n]["transactionInfo"]["transactionId"]


def screen(bench):
    return bench.station.screen(bench.now)


def test_i01_fr_03_the_drivers_own_tariff_is_shown(make201):
    bench = make201()
    bench.csms.say("Authorize", accepted("for you: 0.30 EUR/kWh"))
    assert screen(bench) == ()
    charge(bench)
    assert screen(bench) == ("for you: 0.30 EUR/kWh",)
    bench.do("present_token", 1, "TAG").go(1.0)
    assert screen(bench) == ()


def test_i01_the_tariff_is_shown_before_the_plug_too(make201):
    bench = make201()
    bench.csms.say("Authorize", accepted("for you"))
    bench.do("present_token", 1, "TAG").go(1.0)
    assert screen(bench) == ("for you",)
    bench.do("plug_in", 1).go(1.0)
    assert screen(bench) == ("for you",)


def test_i01_a_text_that_the_display_cannot_show_is_none(make201):
    bench = make201()
    bench.csms.say("Authorize", accepted("<b>free</b>", "HTML"))
    assert screen(charge(bench)) == ("0.50 EUR/kWh",)


def test_i02_fr_03_cost_updated_is_kept_and_shown(make201):
    bench = charge(make201({"TariffCostCtrlr.Currency": "CHF"}))
    name = transaction(bench)
    assert bench.ask("CostUpdated", {"totalCost": 1.5, "transactionId": name}) == {}
    assert screen(bench) == ("1.50 CHF",)
    bench.ask("CostUpdated", {"totalCost": 2, "transactionId": name})
    assert screen(bench) == ("2.00 CHF",)
    bench.ask("CostUpdated", {"totalCost": 9, "transactionId": "another"})
    assert screen(bench) == ("2.00 CHF",)


def test_i02_fr_04_the_running_cost_of_an_answer_is_shown(make201):
    bench = make201({})
    bench.csms.say("TransactionEvent", {}, {"totalCost": 0.25})
    assert screen(charge(bench)) == ("0.25 EUR",)


def test_i03_fr_03_the_whole_cost_is_shown_until_the_driver_leaves(make201):
    bench = charge(make201())
    bench.csms.say("TransactionEvent", {"totalCost": 7.5})
    bench.do("present_token", 1, "TAG").go(1.0)
    assert screen(bench) == ("7.50 EUR",)
    bench.do("unplug", 1).go(1.0)
    assert screen(bench) == ()


def test_i03_fr_04_a_free_transaction_costs_nothing_and_no_word_is_not_free(make201):
    bench = charge(make201({}))
    bench.csms.say("TransactionEvent", {"totalCost": 0.0})
    bench.do("present_token", 1, "TAG").go(1.0)
    assert screen(bench) == ("0.00 EUR",)
    bench.do("unplug", 1).go(1.0)
    charge(bench).do("present_token", 1, "TAG").go(1.0)
    assert screen(bench) == ()


def test_i03_fr_03_the_cost_of_what_ended_offline_comes_too_late(make201):
    bench = charge(make201())
    bench.drop()
    bench.do("present_token", 1, "TAG").go(1.0)
    bench.csms.always["TransactionEvent"] = {"totalCost": 7.5}
    bench.go(60.0)
    assert bench.station.queue == [] or not bench.station.queue
    assert screen(bench) == ()


def test_i04_fr_01_the_fallback_where_there_is_no_tariff_of_the_drivers_own(make201):
    assert screen(charge(make201())) == ("0.50 EUR/kWh",)


def test_i04_fr_01_the_fallback_offline(make201):
    bench = make201()
    bench.reachable = False
    bench.drop()
    assert screen(charge(bench)) == ("0.50 EUR/kWh",)


def test_i05_fr_02_offline_a_text_stands_for_the_cost(make201):
    bench = charge(make201())
    bench.reachable = False
    bench.drop()
    bench.do("present_token", 1, "TAG").go(1.0)
    assert screen(bench) == ("see your invoice",)
    bench.do("unplug", 1)
    assert screen(bench) == ()


def test_i06_fr_03_an_updated_tariff_is_shown(make201):
    bench = make201()
    bench.csms.say("Authorize", accepted("now 0.30"))
    charge(bench)
    bench.csms.say("TransactionEvent", {"updatedPersonalMessage": content("now 0.40")})
    bench.do("ev_suspended", 1).go(1.0)
    assert screen(bench) == ("now 0.40",)


def test_each_evse_has_its_own_driver(make201):
    bench = make201({})
    bench.csms.say("Authorize", accepted("one"), accepted("two"))
    charge(bench)
    charge(bench, "OTHER", 2)
    assert screen(bench) == ("one", "two")
    bench.do("unplug", 1).go(1.0)
    assert screen(bench) == ("two",)


def test_the_next_driver_is_told_nothing_of_the_last_one(make201):
    bench = make201({})
    bench.csms.say("Authorize", accepted("for TAG"))
    charge(bench).do("unplug", 1).go(1.0)
    assert screen(charge(bench, "OTHER")) == ()


def test_the_same_driver_is_told_anew_the_next_time(make201):
    bench = make201({})
    bench.csms.say("Authorize", accepted("today 0.30"))
    bench.do("present_token", 1, "TAG").go(1.0).do("plug_in", 1).go(1.0)
    assert screen(bench) == ("today 0.30",)
    bench.do("unplug", 1).go(1.0)
    assert screen(charge(bench)) == ()


def test_what_the_last_driver_paid_is_not_told_to_the_next_one(make201):
    bench = charge(make201({}))
    bench.csms.say("TransactionEvent", Refuse(), {"totalCost": 7.5})
    bench.csms.say("Authorize", accepted("for OTHER"))
    bench.do("unplug", 1).go(1.0)
    charge(bench, "OTHER").go(70.0)
    assert screen(bench) == ("for OTHER",)


def test_a_running_cost_is_not_the_whole_cost(make201):
    bench = charge(make201({}))
    bench.ask("CostUpdated", {"totalCost": 1.5, "transactionId": transaction(bench)})
    bench.do("present_token", 1, "TAG").go(1.0)
    assert screen(bench) == ()


def test_always_front_hides_the_stations_own_words(make201):
    bench = charge(make201())
    info = {"id": 1, "priority": "AlwaysFront", "message": content("closed")}
    bench.ask("SetDisplayMessage", {"message": info})
    assert screen(bench) == ("closed",)


def test_tariff_and_cost_can_be_switched_off(make201):
    off = {**FALLBACK, "TariffCostCtrlr.Enabled[Tariff]": "false"}
    bench = make201({**off, "TariffCostCtrlr.Enabled[Cost]": "false"})
    bench.csms.say("Authorize", accepted("for you"))
    bench.csms.always["TransactionEvent"] = {"totalCost": 1.0}
    assert screen(charge(bench)) == () and bench.station.tariffs is None


@pytest.mark.parametrize(
    "answer",
    [
        {"totalCost": "much"},
        {"totalCost": True},
        {"updatedPersonalMessage": "free"},
        {"updatedPersonalMessage": {"content": 5, "format": []}},
        {"idTokenInfo": {"status": "Accepted", "personalMessage": []}},
    ],
)
def test_answers_that_miss_their_schema_show_nothing(make201, answer):
    bench = make201({})
    bench.csms.always["TransactionEvent"] = answer
    assert screen(charge(bench)) == ()
    assert "schema" in bench.log.kinds()


def test_a_station_without_answers_shows_the_fallback_alone(make201):
    bench = make201()
    bench.csms.always["TransactionEvent"] = SILENT
    assert screen(charge(bench)) == ("0.50 EUR/kWh",)


def test_1_6_has_no_display(make):
    bench = make().boot()
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(1.0)
    assert bench.station.screen(bench.now) == ()

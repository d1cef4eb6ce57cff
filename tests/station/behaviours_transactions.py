"""The rows of ``behaviours.py`` on authorisation, transactions, meter values, charging profiles."""

from math import inf

from switches import (
    Row,
    Switch,
    action,
    after,
    before,
    changed,
    configured,
    every,
    instead,
    put,
    without,
)

from simulator.station import clock
from simulator.station.model import AUTHORIZED, CONNECTED, PATH_CLOSED, Link
from simulator.station.ports import CallOutcome

AUTHORISATION = (
    Row(
        "4.4 offline",
        "AllowOfflineTxForUnknownId decides for unknown tokens",
        "1.6 §3.5.4",
        (
            Switch(
                "heeding the key",
                configured(unknown_offline=False),
                ("test_1_6_3_5_4_unknown_tokens_offline_if_allowed",),
            ),
            Switch(
                "refusing where it says no",
                configured(unknown_offline=True),
                ("test_1_6_3_5_4_unknown_tokens_offline_if_allowed",),
            ),
        ),
    ),
    Row(
        "4.4 refused after the start",
        "the transaction ends DeAuthorized, or only its energy",
        "1.6 §3.5.4; E05.FR.02/09/10",
        (
            Switch(
                "judging the answer",
                without("station.transactions.judged"),
                (
                    "test_1_6_3_5_4_start_not_accepted_stops_the_transaction_deauthorized",
                    "test_1_6_3_5_4_or_only_its_energy_without_stop_transaction_on_invalid_id",
                    "test_e05_fr_02_a_token_refused_in_the_answer_ends_the_transaction",
                ),
            ),
            Switch(
                "heeding StopTransactionOnInvalidId",
                configured(stop_on_invalid=True),
                ("test_1_6_3_5_4_or_only_its_energy_without_stop_transaction_on_invalid_id",),
            ),
        ),
    ),
    Row(
        "4.4 remote start and Authorize",
        "AuthorizeRemoteTxRequests decides whether the CSMS is asked first",
        "1.6 §5.11; F01, F02",
        (
            Switch(
                "asking",
                configured(authorize_remote=False),
                ("test_1_6_5_11_authorize_remote_tx_requests_decides_if_the_csms_is_asked",),
            ),
            Switch(
                "not asking",
                configured(authorize_remote=True),
                ("test_1_6_5_11_authorize_remote_tx_requests_decides_if_the_csms_is_asked",),
            ),
        ),
    ),
    Row(
        "4.4 Authorize at a stop",
        "only for another token than the one that started; one of the same parent may stop",
        "1.6 §4.1, §3.10",
        (
            Switch(
                "knowing the token, and its parent, again",
                every(
                    without("station.transactions.same_token", False),
                    instead("station.model.token_key", lambda was: lambda *args: object()),
                ),
                (
                    "test_1_6_4_1_authorize_at_stop_only_if_the_token_is_another_one",
                    "test_1_6_3_10_another_token_of_the_same_parent_may_stop",
                ),
            ),
        ),
    ),
    Row(
        "4.4 idTag of a stop",
        "left out where no token ended the transaction",
        "1.6 §4.10",
        (
            Switch(
                "leaving it out",
                before(
                    "station.v16_messages.stop",
                    lambda st, now, call: put(call.tx, stop_token=call.tx.token),
                ),
                ("test_1_6_4_10_reasons_and_tokens_of_a_stop",),
            ),
        ),
    ),
)


def _made_up_id(was):
    def new(st, now, call, payload):
        return was(st, now, call, {**payload, "transactionId": call.tx.local_id})

    return new


def _kept_number(was):
    def new(st, now, call):
        body = was(st, now, call)
        call.tx.seq = 0
        return body

    return new


def _online_only(was):
    def new(st, now, call):
        body = was(st, now, call)
        return body.replace('"offline":true,', "") if body else body

    return new


def _always_offline(was):
    def new(st, now, call):
        body = was(st, now, call)
        if body and '"offline":true' not in body:
            body = body.replace('"seqNo"', '"offline":true,"seqNo"')
        return body

    return new


def _dropped_offline(was):
    from simulator.station.waits import finished

    def new(st, call, now):
        if st.link is Link.ONLINE:
            was(st, call, now)
        else:
            finished(st, call, CallOutcome.SKIPPED, now, "offline")

    return new


def _no_growth(st, now, call, outcome):
    if st.retry_due < inf:
        st.retry_due = now + st.conf.retry_interval_s


def _one_reason(was):
    def new(st, now, due, evse, reason, token=None, trigger=""):
        was(st, now, due, evse, "Local", token, "Local")

    return new


def _just_reset(was):
    from simulator.station import link

    def new(st, now, hard):
        if not st.resetting:
            st.resetting = "hard"
            link.close(st, now, 1001, "reset")

    return new


def _unless_power_loss(was):
    return lambda st, now, due, reason: None if reason == "PowerLoss" else was(st, now, due, reason)


def _still_alive(st, now):
    st.ended = False


def _remember(st, *_):
    st.evses[1].token = "TAG"


def _reset_now(was):
    from simulator.station import reset

    return lambda st, now: reset.begin(st, now, hard=False)


TRANSACTIONS = (
    *AUTHORISATION,
    Row(
        "4.5 transaction id",
        "the CSMS's in 1.6, 0 too; the station's own and never used again in 2.0.1",
        "1.6 §4.8; E01.FR.08",
        (
            Switch(
                "taking the CSMS's",
                instead("station.v16_messages.start_answered", _made_up_id),
                ("test_1_6_4_8_the_transaction_id_may_be_anything_whole",),
            ),
            Switch(
                "making new ones",
                after("station.v201_events.transaction_id", lambda st, tx: put(tx, id="tx")),
                ("test_e01_fr_08_transaction_ids_are_never_used_again",),
            ),
        ),
    ),
    Row(
        "4.5 waiting for the id",
        "what tells of an unconfirmed transaction waits for the answer to its start",
        "1.6 §4.8, §3.7",
        (
            Switch(
                "their place in the queue",
                action("1.6", "MeterValues StopTransaction", queued=False),
                ("test_1_6_4_8_meter_values_and_stop_wait_for_the_id",),
            ),
        ),
    ),
    Row(
        "4.5 event numbers",
        "from 0 without a gap in each transaction",
        "E01.FR.07",
        (
            Switch(
                "counting",
                instead("station.v201_events.event", _kept_number),
                (
                    "test_e01_fr_07_events_are_numbered_from_0_without_a_gap",
                    "test_a_session_from_the_plug_to_the_end",
                ),
            ),
        ),
    ),
    Row(
        "4.5 queue",
        "transaction messages are kept offline and go in order; others may overtake them",
        "1.6 §3.7; E04.FR.01-03, E12",
        (
            Switch(
                "keeping them",
                action("1.6", "MeterValues StartTransaction StopTransaction", queued=False),
                (
                    "test_1_6_3_7_transaction_messages_are_queued_offline_in_order",
                    "test_1_6_3_7_a_message_lost_in_flight_is_sent_again_after_the_reconnect",
                ),
            ),
            Switch(
                "keeping events",
                instead("station.txqueue.push", _dropped_offline),
                ("test_e04_fr_01_events_of_an_outage_are_queued_and_say_so",),
            ),
            Switch(
                "overtaking",
                before("station.rpc.pump", lambda st, now: put(st, backlog=0)),
                ("test_1_6_3_7_others_may_overtake_what_was_queued_offline",),
            ),
        ),
    ),
    Row(
        "4.5 offline events",
        "marked, and none that was told online; where memory is short the samples go first",
        "E04.FR.03, E12.FR.01-05",
        (
            Switch(
                "the mark",
                instead("station.v201_events.event", _online_only),
                (
                    "test_e04_fr_01_events_of_an_outage_are_queued_and_say_so",
                    "test_e04_fr_03_events_that_happen_offline_say_so_and_others_do_not",
                ),
            ),
            Switch(
                "its absence online",
                instead("station.v201_events.event", _always_offline),
                ("test_e04_fr_03_events_that_happen_offline_say_so_and_others_do_not",),
            ),
            Switch(
                "making room",
                without("station.txqueue._make_room"),
                (
                    "test_a_full_queue_gives_up_its_oldest_meter_values_and_no_start_or_stop",
                    "test_e04_fr_05_a_full_queue_gives_up_updates_with_readings_first",
                ),
            ),
        ),
    ),
    Row(
        "4.5 retries",
        "after the interval times the tries so far, up to the number of attempts",
        "1.6 §3.7.1; E13.FR.01-04",
        (
            Switch(
                "the growing wait",
                after("station.txqueue.failed", _no_growth),
                ("test_1_6_3_7_1_waits_are_the_interval_times_the_number_of_tries_then_discard",),
            ),
            Switch(
                "trying again",
                configured(attempts=1),
                (
                    "test_1_6_3_7_1_waits_are_the_interval_times_the_number_of_tries_then_discard",
                    "test_e13_fr_02_an_event_that_is_refused_is_tried_again_in_order",
                ),
            ),
            Switch(
                "giving up",
                configured(attempts=10**9),
                ("test_1_6_3_7_1_a_discarded_message_lets_the_next_one_go",),
            ),
        ),
    ),
    Row(
        "4.5 messages in the queue",
        "GetTransactionStatus tells the truth about what waits",
        "E14.FR.01-08",
        (
            Switch(
                "looking into the queue",
                without("station.v201_requests._truth", "false"),
                (
                    "test_e14_what_waits_to_be_told",
                    "test_e14_fr_02_what_waits_for_a_retry_is_in_the_queue",
                ),
            ),
        ),
    ),
    Row(
        "4.5 reasons",
        "every cause of an end has its own",
        "1.6 §4.10; E07",
        (
            Switch(
                "telling them apart",
                instead("station.transactions.stop", _one_reason),
                (
                    "test_1_6_4_10_reasons_and_tokens_of_a_stop",
                    "test_1_6_4_9_unplugged_while_charging_ends_the_transaction_and_says_why",
                    "test_b11_fr_03_a_reset_at_once_ends_transactions",
                ),
            ),
        ),
    ),
    Row(
        "4.5 remote start id",
        "in the first event after the request",
        "F02.FR.01",
        (
            Switch(
                "telling it",
                before(
                    "station.v201_events._info",
                    lambda tx, kind, evse, about: put(tx, remote_id=None),
                ),
                ("test_f02_fr_01_the_remote_start_id_is_in_the_first_event_after_the_request",),
            ),
        ),
    ),
    Row(
        "4.5 reset",
        "transactions end, their ends are told, the connection goes, the station boots; on idle it "
        "waits",
        "1.6 §5.14; B11.FR.03, B12.FR.01-04",
        (
            Switch(
                "a hard one overtaking a soft one",
                before("station.reset.begin", lambda st, now, hard: put(st, reset_due=inf)),
                ("test_1_6_5_14_a_hard_reset_does_not_wait_for_what_a_soft_one_waits_for",),
            ),
            Switch(
                "ending transactions first",
                instead("station.reset.begin", _just_reset),
                (
                    "test_1_6_5_14_soft_reset_stops_sends_drops_boots",
                    "test_b11_fr_03_a_reset_at_once_ends_transactions",
                ),
            ),
            Switch(
                "waiting for the transaction",
                instead("station.reset.when_idle", _reset_now),
                ("test_b12_fr_01_a_reset_on_idle_waits_for_the_transaction",),
            ),
        ),
    ),
    Row(
        "4.5 availability",
        "scheduled while a transaction runs",
        "1.6 §5.2; G03",
        (
            Switch(
                "keeping the station in service until then",
                without("station.statuses._charges", False),
                ("test_1_6_5_2_scheduled_while_a_transaction_runs",),
            ),
            Switch(
                "saying Scheduled",
                changed(
                    "station.remote.availability",
                    lambda answer, st, number, operative: ("Accepted", answer[1]),
                ),
                (
                    "test_1_6_5_2_scheduled_while_a_transaction_runs",
                    "test_g03_fr_05_unavailable_is_scheduled_in_a_transaction",
                ),
            ),
        ),
    ),
    Row(
        "4.5 start and stop points",
        "TxStartPoint and TxStopPoint move the first and the last event",
        "E01.FR.01-06, E06",
        (
            Switch(
                "heeding TxStartPoint",
                configured(start_points=PATH_CLOSED),
                (
                    "test_e01_fr_01_a_transaction_may_begin_with_the_plug_and_end_with_it",
                    "test_e01_a_transaction_may_begin_with_the_authorisation",
                ),
            ),
            Switch(
                "heeding TxStopPoint",
                configured(stop_points=AUTHORIZED | CONNECTED),
                ("test_e01_fr_01_a_transaction_may_begin_with_the_plug_and_end_with_it",),
            ),
        ),
        missing="DataSigned: no meter here signs",
    ),
    Row(
        "4.5 connection timeout",
        "authorised but never plugged in: released, or ended with Timeout",
        "1.6 §9.1.6; E03.FR.05/15",
        (
            Switch(
                "the deadline",
                configured(connection_timeout_s=0.0),
                (
                    "test_1_6_9_1_6_authorised_but_never_plugged_in_is_released",
                    "test_1_6_5_11_remote_start_waits_for_the_plug_and_gives_up_in_time",
                    "test_e03_fr_05_authorised_but_never_plugged_in_ends_with_a_timeout",
                ),
            ),
        ),
    ),
    Row(
        "4.5 triggers",
        "one trigger makes one event with its reason; every charging state is told",
        "E02.FR.13/15/17, E01.FR.18",
        (
            Switch(
                "naming the trigger",
                without("station.v201_events.trigger_of", "ChargingStateChanged"),
                (
                    "test_a_session_from_the_plug_to_the_end",
                    "test_e01_fr_01_a_transaction_may_begin_with_the_plug_and_end_with_it",
                ),
            ),
            Switch(
                "telling the charging state",
                without("station.statuses.tell_charging"),
                ("test_a_session_from_the_plug_to_the_end",),
            ),
        ),
    ),
    Row(
        "4.5 start never confirmed",
        "later messages go out with the transaction id -1",
        "1.6err 3.18",
        (
            Switch(
                "the id -1",
                without("station.v16_messages.start_failed"),
                ("test_1_6_err_3_18_never_confirmed_start_leaves_transaction_id_minus_1",),
            ),
        ),
    ),
    Row(
        "4.5 power loss",
        "what was cut off ends PowerLoss, told after the boot; the queue survives; nothing in the "
        "dark",
        "1.6 §7.36, §3.7; 2.0.1 ReasonEnumType",
        (
            Switch(
                "ending what was cut off",
                instead(
                    "station.outage.transactions.stop_all", lambda was: _unless_power_loss(was)
                ),
                ("test_a_cut_off_transaction_ends_with_power_loss_after_the_boot",),
            ),
            Switch(
                "stopping dead",
                after("station.outage.off", _still_alive),
                ("test_without_power_a_station_says_and_does_nothing",),
            ),
            Switch(
                "keeping the queue",
                before("station.outage.on", lambda st, *_: setattr(st, "queue", None)),
                ("test_the_queue_survives_a_power_cut_in_its_order",),
            ),
            Switch(
                "looking at its outlets",
                instead("station.outage.on", lambda was: lambda st, now, plugged: was(st, now, ())),
                ("test_a_station_whose_power_is_back_boots_at_once_and_reports_every_connector",),
            ),
            Switch(
                "forgetting tokens that waited",
                before("station.outage.on", _remember),
                ("test_tokens_that_waited_for_the_plug_are_forgotten_in_a_power_cut",),
            ),
        ),
    ),
    Row(
        "4.5 hard reset",
        "StopTransaction may go after the reboot, once accepted",
        "1.6 §5.14",
        (
            Switch(
                "going down at once",
                instead(
                    "station.reset.begin", lambda was: lambda st, now, hard: was(st, now, False)
                ),
                ("test_1_6_5_14_hard_reset_drops_at_once_and_stops_after_the_reboot",),
            ),
        ),
    ),
)


def _by_the_clock(was):
    def new(conf, evse, tx):
        due = was(conf, evse, tx)
        return clock.next_aligned(due, conf.sample_s) if due < inf else due

    return new


def _lowest(was):
    def new(book, *args):
        flipped = sorted(book, key=lambda item: item.profile.level)[:1]
        return was(flipped, *args)

    return new


def _unlimited(was):
    def new(book, supply, at, free=inf):
        return was((), supply, at, free)

    return new


CHARGING = (
    Row(
        "4.6 sampled",
        "every interval from the start of the transaction",
        "1.6 §3.16.1; J02",
        (
            Switch(
                "counting from the start",
                instead("station.metervalues._told_due", _by_the_clock),
                ("test_1_6_3_16_1_samples_at_exact_multiples_from_the_start_of_the_transaction",),
            ),
        ),
    ),
    Row(
        "4.6 clock-aligned",
        "at multiples from 00:00 of the station's clock, for every EVSE",
        "1.6 §3.16.2, §9.1.5; J01.FR.14/19/20/22",
        (
            Switch(
                "counting from midnight",
                instead("station.clock.next_aligned", lambda was: lambda epoch, step: epoch + step),
                (
                    "test_1_6_3_16_2_clock_aligned_at_multiples_from_midnight_of_the_stations_own_clock",
                ),
            ),
            Switch(
                "reading at all",
                without("station.metervalues.align"),
                (
                    "test_1_6_3_16_2_clock_aligned_at_multiples_from_midnight_of_the_stations_own_clock",
                    "test_j01_fr_14_clock_aligned_in_a_transaction_and_outside_of_one",
                ),
            ),
        ),
    ),
    Row(
        "4.6 data of the whole transaction",
        "goes with its end",
        "1.6 §3.16.2, 1.6err 3.14",
        (
            Switch(
                "recording",
                without("station.metervalues._record"),
                (
                    "test_1_6_err_3_14_transaction_data_has_begin_samples_and_end",
                    "test_1_6_3_16_2_transaction_data_may_be_clock_aligned",
                ),
            ),
        ),
    ),
    Row(
        "4.6 unsupported measurands",
        "are Rejected",
        "1.6 §3.16.3, §3.16.4",
        (
            Switch(
                "checking them",
                without("station.configuration.refuse", ""),
                ("test_1_6_3_16_4_an_unsupported_measurand_is_rejected",),
            ),
        ),
    ),
    Row(
        "4.6 phases",
        "every phase that the meter tells, or the one that the list names",
        "1.6 §3.16.3, §9.1.17; J01.FR.14",
        (
            Switch(
                "phases",
                changed(
                    "station.reading.points",
                    lambda points, *rest: tuple(dict.fromkeys((name, "") for name, _ in points)),
                ),
                (
                    "test_1_6_3_16_3_a_measurand_is_read_on_every_phase_that_the_meter_tells",
                    "test_1_6_9_1_17_a_measurand_may_be_combined_with_a_phase",
                    "test_j01_fr_14_every_phase_for_which_a_measurand_is_supported",
                ),
            ),
        ),
    ),
    Row(
        "4.6 main meter",
        "connector 0, or EVSE 0, is read on the clock as the station as a whole",
        "1.6 §3.16.4, §4.7; J01.FR.03",
        (
            Switch(
                "the main meter",
                instead("station.metervalues.metered", lambda was: lambda st: st.evses[1:]),
                (
                    "test_1_6_4_7_connector_0_is_the_main_meter_and_has_no_transaction",
                    "test_j01_fr_03_evse_0_is_the_whole_station",
                ),
            ),
        ),
    ),
    Row(
        "4.6 register",
        "counts over the station's lifetime, never from a transaction's start",
        "J02.FR.10-17",
        (
            Switch(
                "its lifetime",
                before(
                    "station.v16_messages.start",
                    lambda st, now, call: put(call.tx, meter_start=0.0),
                ),
                ("test_registers_are_not_rebased_and_never_fall",),
            ),
        ),
    ),
    Row(
        "4.6 stacking",
        "the highest valid level of a purpose; TxProfile before TxDefaultProfile; the station's "
        "limit is for the sum",
        "1.6 §3.13.2, §3.13.3; K01",
        (
            Switch(
                "the highest level",
                instead("station.composite.leading", _lowest),
                ("test_1_6_3_13_2_the_highest_stack_level_that_is_valid_prevails",),
            ),
            Switch(
                "the transaction's own profile",
                changed(
                    "station.composite.leading",
                    lambda found, book, purpose, *rest: None if purpose.name == "TX" else found,
                ),
                ("test_1_6_3_13_1_a_tx_profile_overrules_the_default_for_its_transaction_only",),
            ),
            Switch(
                "the station's limit",
                instead("station.composite.whole", _unlimited),
                (
                    "test_1_6_3_13_3_the_charge_point_max_limits_the_sum_of_the_connectors",
                    "test_1_6_3_13_3_who_would_get_too_little_waits_and_the_first_goes_on",
                ),
            ),
        ),
    ),
    Row(
        "4.6 effect of a profile",
        "power, the next meter value and SuspendedEVSE follow it",
        "1.6 §4.9, §5.16; K01, E02",
        (
            Switch(
                "telling meter and EVSE",
                without("station.smartcharging._tell"),
                (
                    "test_1_6_4_9_0_a_is_suspended_evse_and_back",
                    "test_1_6_3_13_1_a_tx_default_at_0_limits_every_transaction",
                    "test_k01_fr_01_a_profile_limits_the_transaction_that_runs",
                    "test_a_limit_that_no_car_takes_suspends_and_the_transaction_says_so",
                ),
            ),
        ),
    ),
)

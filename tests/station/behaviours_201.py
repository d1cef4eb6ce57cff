"""The rows of ``behaviours.py`` on blocks A to H of OCPP 2.0.1, beside those of the other files."""

import re
from math import inf

from switches import (
    Row,
    Switch,
    after,
    changed,
    configured,
    instead,
    put,
    table,
    value,
    without,
)


def _without_place(body, *args):
    if body is None or '"Updated"' not in body:
        return body
    return re.sub(r'"evse":\{[^}]*\},?', "", body).rstrip(",")


def _token_twice(was):
    def new(tx, kind, call):
        kept = tx.stop_token
        told = was(tx, kind, call)
        tx.stop_token = kept
        return told

    return new


def _no_types(was):
    def new(st, now, payload):
        if "connectorType" in payload:
            return '{"status":"Rejected"}', None
        return was(st, now, payload)

    return new


def _reason_kept(was):
    def new(tx, kind, evse, about):
        if tx.reason in ("SoftReset", "HardReset"):
            tx.reason = "Local"
        return was(tx, kind, evse, about)

    return new


def _by_the_plug(was):
    def new(st, now, due, evse, auth, parent=None, trigger="Authorized"):
        named = "CablePluggedIn" if trigger == "RemoteStart" else trigger
        was(st, now, due, evse, auth, parent, named)

    return new


def _kept_for_ever(was):
    return lambda st, now, token, kind, info: was(st, now, token, kind, info._replace(expires=inf))


CERTIFIED = (
    Row(
        "A-H certificates",
        "a connection proves a new certificate or root; one that leads nowhere is gone back from",
        "errata 2.9: A02.FR.06-10, FR.28, FR.29; M05.FR.13, FR.14",
        (
            Switch(
                "going back",
                without("station.truststore.doubt"),
                (
                    "test_a02_fr_28_and_fr_29_a_new_one_that_leads_nowhere_takes_turns_with_the_old",
                    "test_m05_fr_14_it_stays_where_it_may_have_been_needed",
                ),
            ),
            Switch(
                "discarding what is not used",
                without("station.truststore.proved"),
                (
                    "test_a02_fr_10_the_certificate_before_is_gone_once_the_new_one_led_somewhere",
                    "test_m05_fr_13_the_old_root_is_gone_once_the_new_one_led_to_a_connection",
                ),
            ),
        ),
    ),
    Row(
        "A-H network profiles",
        "where every entry of the order fails, where it last came through is tried too",
        "B10.FR.07-09",
        (
            Switch(
                "going back",
                after(
                    "station.network.rebooted",
                    lambda st: st.network and put(st.network, ways=st.network.ways[:1]),
                ),
                (
                    "test_b10_fr_07_a_new_way_that_leads_nowhere_is_left_for_the_one_that_last_worked",
                    "test_b10_fr_07_a_profile_that_was_replaced_is_gone_back_to_as_it_was",
                ),
            ),
        ),
    ),
    Row(
        "A-H boot",
        "says why it is sent; before acceptance nobody is served unless that is configured",
        "B01.FR.04, FR.09; B02.FR.03, B03.FR.01",
        (
            Switch(
                "the reason Triggered",
                instead(
                    "station.boot.send",
                    lambda was: lambda st, now, due, reason="": was(st, now, due),
                ),
                ("test_f06_fr_17_and_b01_fr_09_a_triggered_boot_says_so",),
            ),
            Switch(
                "refusing drivers",
                without("station.authorisation.serves", True),
                ("test_b03_fr_01_nobody_charges_where_the_csms_does_not_accept_the_station",),
            ),
            Switch(
                "heeding TxBeforeAcceptedEnabled",
                configured(before_accepted=False),
                ("test_b02_fr_02_events_before_acceptance_wait_and_say_offline",),
            ),
            Switch(
                "showing the interval of the boot",
                instead("station.v201_device._in_force", lambda was: lambda row: row),
                ("test_b01_fr_04_the_interval_of_the_boot_is_the_heartbeat_interval",),
            ),
            Switch(
                "showing the firmware that runs",
                instead(
                    "station.device_live.firmware",
                    lambda was: lambda st, now, evse: st.identity.firmware,
                ),
                ("test_b06_the_version_of_the_firmware_is_that_of_the_boot_notification",),
            ),
        ),
    ),
    Row(
        "A-H reset",
        "of one EVSE, of the station once it is idle, and never of firmware half installed",
        "B11.FR.05-10, B12.FR.01-10",
        (
            Switch(
                "resetting one EVSE",
                without("station.reset.begin_evse"),
                (
                    "test_b11_fr_08_an_idle_evse_is_reset_alone_and_is_out_of_service_meanwhile",
                    "test_b12_fr_08_an_immediate_reset_ends_the_transaction_of_that_evse_alone",
                ),
            ),
            Switch(
                "waiting for its transaction",
                without("station.reset.evse_busy", False),
                ("test_b12_fr_01_and_fr_07_on_idle_the_transaction_ends_as_its_driver_wants",),
            ),
            Switch(
                "keeping free EVSEs from use",
                without("station.reset._keep_free"),
                ("test_b12_on_idle_evses_that_are_free_are_unavailable_until_the_reset",),
            ),
            Switch(
                "having the last word on why transactions ended",
                instead("station.v201_events._info", _reason_kept),
                (
                    "test_b12_fr_04_every_transaction_ends_with_the_reset_whatever_ended_its_authorisation",
                ),
            ),
            Switch(
                "sparing firmware",
                without("station.firmware.installing", False),
                ("test_b11_fr_06_no_reset_while_firmware_is_installed",),
            ),
            Switch(
                "seeing who plugged in meanwhile",
                without("station.plugs.begin_by_plug"),
                ("test_b12_on_idle_a_car_that_comes_begins_nothing_by_its_plug",),
            ),
        ),
    ),
    Row(
        "A-H tokens",
        "a transaction is for one token; what is over is not kept, nor who may not plug in",
        "C01.FR.23, FR.26; errata 2.21: C10.FR.10; E05.FR.10, F03",
        (
            Switch(
                "knowing whose it is",
                without("station.authorisation._began", True),
                ("test_c01_fr_23_a_transaction_is_for_one_token_alone",),
            ),
            Switch(
                "not keeping what is over",
                instead("station.authcache.keep", _kept_for_ever),
                ("test_c10_err_2_21_what_is_over_already_is_not_cached_and_goes_if_it_was",),
            ),
            Switch(
                "forgetting who was to plug in",
                without("station.transactions._forget_token"),
                (
                    "test_f03_a_transaction_stopped_before_the_plug_is_not_begun_by_the_plug",
                    "test_e05_fr_10_a_token_refused_before_the_plug_charges_nothing",
                ),
            ),
        ),
    ),
    Row(
        "A-H bay and energy",
        "transactions may begin and end by the car in the bay, or by the flow of energy",
        "E01.FR.01, FR.06; E06.FR.01, FR.07; E03.FR.15",
        (
            Switch(
                "the sensor",
                without("station.plugs.arrived"),
                (
                    "test_e01_fr_01_and_e06_fr_01_a_transaction_may_last_as_long_as_the_car_is_in_the_bay",
                    "test_e03_fr_15_not_plugged_in_in_time_the_car_in_the_bay_keeps_the_transaction",
                ),
            ),
            Switch(
                "seeing it go",
                without("station.plugs.departed"),
                (
                    "test_e01_fr_01_and_e06_fr_01_a_transaction_may_last_as_long_as_the_car_is_in_the_bay",
                ),
            ),
            Switch(
                "refusing the point where there is no sensor",
                value("station.v201_variables._UNFIT", {}),
                ("test_e01_without_a_sensor_in_the_bay_the_point_is_refused",),
            ),
            Switch(
                "the flow of energy",
                table("2.0.1", energy=None),
                (
                    "test_e01_fr_06_a_transaction_may_wait_for_energy_to_flow",
                    "test_e06_fr_07_a_transaction_may_end_when_energy_ceases_to_flow",
                ),
            ),
        ),
    ),
    Row(
        "A-H unplugged at the EV",
        "ends, suspends or deauthorises, by TxStopPoint and StopTxOnEVSideDisconnect",
        "E06.FR.02, E09.FR.01, E10.FR.02",
        (
            Switch(
                "suspending",
                without("station.transactions.outlives_plug", False),
                ("test_e10_unplugged_at_the_ev_it_is_suspended_and_goes_on_when_plugged_in_again",),
            ),
            Switch(
                "outliving the authorisation",
                without("station.transactions.outlives", False),
                (
                    "test_e09_fr_01_once_plugged_in_again_energy_waits_for_another_authorisation",
                    "test_f03_fr_02_where_the_plug_ends_transactions_only_the_energy_stops",
                    "test_e05_fr_09_where_the_plug_ends_transactions_a_refused_token_stops_the_energy",
                ),
            ),
            Switch(
                "waiting for a fixed cable only so long",
                configured(replug_s=inf),
                ("test_e10_fr_02_a_fixed_cable_that_is_not_plugged_in_again_in_time",),
            ),
        ),
    ),
    Row(
        "A-H fields of events",
        "each told where it belongs and once",
        "E01.FR.16, E02.FR.18-20, E06.FR.08, E07.FR.02, F02.FR.21",
        (
            Switch(
                "the EVSE once the EV is connected",
                changed("station.v201_events.event", _without_place),
                ("test_e01_fr_03_and_e01_fr_16_the_evse_is_told_again_once_the_ev_is_connected",),
            ),
            Switch(
                "the phases",
                without("station.v201_events._phases", ""),
                (
                    "test_e02_fr_18_the_number_of_phases_is_told_when_energy_begins_to_flow",
                    "test_e02_fr_19_and_again_when_it_changes",
                ),
            ),
            Switch(
                "the token once",
                instead("station.v201_events._token", _token_twice),
                (
                    "test_e07_fr_02_a_token_is_told_once_where_it_is_authorised_and_once_where_it_ends_that",
                ),
            ),
            Switch(
                "the trigger of a remote start",
                instead("station.transactions.start", _by_the_plug),
                ("test_f02_fr_21_a_remote_start_that_waited_for_the_plug_says_remote_start",),
            ),
            Switch(
                "the reasons of faults",
                value("station.v201_events._FAULTS", {}),
                ("test_e06_fr_08_and_fr_16_every_cause_has_its_reason_and_its_trigger",),
            ),
        ),
    ),
    Row(
        "A-H queue",
        "marked offline if the connection goes first; where memory is short it thins out evenly",
        "E04.FR.08, E11.FR.07, E14.FR.08",
        (
            Switch(
                "marking what waits",
                without("station.txqueue.went_offline"),
                (
                    "test_e11_fr_07_what_could_not_leave_before_the_connection_went_is_marked_offline",
                ),
            ),
            Switch(
                "thinning out evenly",
                instead(
                    "station.txqueue._gap",
                    lambda was: lambda queue, place, last: float(place),
                ),
                ("test_e04_fr_08_a_full_queue_gives_up_every_second_reading_and_keeps_the_course",),
            ),
            Switch(
                "telling transactions from the rest",
                changed(
                    "station.v201_requests.transaction_status",
                    lambda answer, st, now, payload: (
                        answer[0].replace("false", "true") if st.queue else answer[0],
                        None,
                    ),
                ),
                ("test_e14_fr_08_what_is_not_about_a_transaction_does_not_count",),
            ),
        ),
    ),
    Row(
        "A-H triggers",
        "with the measurands of each message; an EVSE that does not matter is not looked at",
        "F06.FR.03, FR.06, FR.07",
        (
            Switch(
                "the measurands of MeterValues",
                configured(trigger_idle=None),
                (
                    "test_f06_fr_06_and_fr_07_each_message_has_its_own_measurands",
                    "test_f06_fr_06_what_is_asked_for_is_told_though_it_is_not_sent_at_intervals",
                ),
            ),
            Switch(
                "not looking at the EVSE",
                value("station.v201_requests.OF_EVSE", frozenset(("Heartbeat",))),
                ("test_f06_fr_03_an_evse_that_does_not_matter_is_not_looked_at",),
            ),
        ),
    ),
    Row(
        "A-H availability",
        "of station, EVSE and connector each for itself; no cable changes it, a fault does",
        "G01, G03.FR.07, G04.FR.07, FR.08; F05.FR.05",
        (
            Switch(
                "the tiers",
                instead(
                    "station.remote.availability",
                    lambda was: lambda st, number, operative, tier=0: was(st, number, operative),
                ),
                (
                    "test_g04_fr_07_and_fr_08_evses_go_back_to_their_own_state_with_the_station",
                    "test_g03_fr_07_a_connector_goes_back_to_its_own_state_with_the_evse",
                ),
            ),
            Switch(
                "staying unavailable with a cable",
                changed(
                    "station.v201_messages.word",
                    lambda name, evse: (
                        "Occupied" if name == "Unavailable" and evse.plugged else name
                    ),
                ),
                ("test_g03_fr_06_a_cable_without_a_transaction_does_not_keep_it_in_service",),
            ),
            Switch(
                "a fault of the station",
                instead("station.station.Station._under", lambda was: lambda self, where: (where,)),
                ("test_g04_fr_07_a_station_that_is_faulted_takes_its_evses_out_of_service",),
            ),
            Switch(
                "a lock that fails",
                value("station.v201_requests.LOCK_FAILURE", "-"),
                ("test_g05_fr_01_no_charging_with_a_lock_that_fails",),
            ),
        ),
    ),
    Row(
        "A-H reservations",
        "a connector of a type is kept free; presenting the token uses the reservation",
        "H01.FR.06, FR.24; H03.FR.02, FR.09",
        (
            Switch(
                "using it by presenting its token",
                without("station.authorisation._claim"),
                ("test_h03_fr_09_in_2_0_1_presenting_its_token_ends_it_whatever_the_csms_says",),
            ),
            Switch(
                "knowing the type",
                instead("station.v201_reservation.reserve_now", _no_types),
                (
                    "test_h01_fr_06_and_fr_24_a_connector_of_a_type_is_kept_free",
                    "test_h03_fr_02_whoever_reserved_a_type_charges_by_it",
                ),
            ),
        ),
    ),
)

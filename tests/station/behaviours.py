"""What a real charging station does, row by row, and for each row the switch that takes it away.

The rows are those behaviours that load tools are known to get wrong, with their place in the
specifications (1.6 = OCPP 1.6 edition 2, 1.6J = its JSON transport, 1.6err = errata sheet, P4 =
part 4 of OCPP 2.0.1, B01.FR.05 = a requirement of its part 2). Read by ``switch_off.py``, which
throws every switch, and by ``test_switch_off.py``.
"""

from math import inf

from behaviours_201 import CERTIFIED
from behaviours_areas import FLEETS, REPORTS, SECURITY, TOKENS
from behaviours_power import POWER
from behaviours_transactions import CHARGING, TRANSACTIONS
from switches import (
    Row,
    Switch,
    after,
    before,
    changed,
    configured,
    instead,
    put,
    table,
    value,
    without,
)

from simulator.station.model import GATE_BOOT, Link, Registration, Status

__all__ = ["ROWS"]


def _as(registration):
    """The function sees the station in that registration."""

    def make(was):
        def new(st, *args, **kwargs):
            kept, st.registration = st.registration, registration
            try:
                return was(st, *args, **kwargs)
            finally:
                st.registration = kept

        return new

    return make


def _two_calls(was):
    def new(st, now):
        was(st, now)
        while st.calls and st.call is not None and st.link is Link.ONLINE:
            st.call = None
            was(st, now)

    return new


def _untold(was):
    """Checked and refused all the same."""
    return lambda st, now, action, payload: st.table.check(action, payload)


def _ungated(was):
    from simulator.station.rpc import raise_event

    def new(st, event, now, due, evse):
        word = st.table.word(evse)
        if word is not None and word != evse.told and st.link is Link.ONLINE:
            evse.told = word
            raise_event(st, event, now, due, evse)

    return new


CONNECTION = (
    Row(
        "4.1 identity and sub-protocol",
        "the URL ends in the percent-encoded identity; a sub-protocol is asked for and must be "
        "selected",
        "1.6J §3.1; P4 §3.1.1, §3.2",
        (
            Switch(
                "encoding of the identity",
                instead(
                    "live.target.Target.path",
                    lambda was: lambda self, name: self.prefix + name.replace(" ", "_"),
                ),
                (
                    "test_handshake_names_the_station_and_asks_for_ocpp16_without_compression",
                    "test_the_identity_has_its_place_in_the_url",
                ),
            ),
            Switch(
                "insistence on the sub-protocol",
                instead(
                    "live.connection.Connection._accept",
                    lambda was: (
                        lambda self, now, response: (
                            self._decided.set_result(None),
                            put(self, _decided=None),
                            self._owner.opened(now),
                        )
                    ),
                ),
                ("test_a_server_that_selects_no_subprotocol_is_left",),
            ),
        ),
    ),
    Row(
        "4.1 refused connections",
        "unknown station (404) or bad credentials (401): back off and try for ever; the password "
        "goes by HTTP Basic",
        "1.6J §6.2.2; P4 §3.2; A00.FR.204/205",
        (
            Switch(
                "the next attempt",
                after(
                    "station.link.disconnected",
                    lambda st, now: put(st, link_due=inf if st.link_failures > 3 else st.link_due),
                ),
                ("test_1_6j_3_2_refused_connections_never_end_the_attempts",),
            ),
            Switch(
                "telling refusals apart",
                changed(
                    "live.failures.of_handshake",
                    lambda found, error: (type(found[0])("closed_abnormal"), found[1]),
                ),
                ("test_refusals_are_told_apart_by_status",),
            ),
            Switch(
                "decoding the AuthorizationKey of 1.6",
                configured(password=b"0123456789abcdef0123"),
                ("test_1_6_7_2_a_changed_password_is_used_on_a_new_connection",),
            ),
        ),
    ),
    Row(
        "4.1 one call at a time",
        "one CALL of our own outstanding, answers at any time, the next after answer or timeout",
        "1.6J §4.1.1; P4 §4.1.1",
        (
            Switch(
                "waiting for the answer",
                instead("station.rpc.pump", _two_calls),
                ("test_1_6j_4_1_1_one_call_outstanding_the_next_after_the_answer",),
            ),
            Switch(
                "giving up an unanswered call",
                without("station.rpc.time_out", False),
                ("test_1_6j_4_1_1_timeout_then_the_next",),
            ),
        ),
    ),
    Row(
        "4.1 message ids",
        "at most 36 characters, never used again, also when a message is tried again",
        "1.6J §4.1.4; P4 §4.1.4",
        (
            Switch(
                "a new id for every call",
                before("station.rpc._send", lambda st, call, now: put(st, sent=0)),
                ("test_1_6j_4_1_4_ids_are_unique_and_begin_with_the_run",),
            ),
        ),
    ),
    Row(
        "4.1 malformed input",
        "answered with a CALLERROR that says what is wrong in the version's own words, with the "
        'id "-1" where none can be read',
        "1.6J §4.2.3; P4 §4.2.3",
        (
            Switch(
                "counting digits after the point",
                value("station.schemas._FUZZ", inf),
                ("test_1_6_7_14_a_limit_has_at_most_one_digit_after_the_point",),
            ),
            Switch(
                "the CALLERROR",
                without("station.rpc._refuse"),
                (
                    "test_1_6j_4_2_3_what_cannot_be_handled_is_answered_with_its_error_code",
                    "test_an_unknown_message_type_is_answered_so",
                ),
            ),
            Switch(
                "the check against the schema",
                without("station.state.VersionTable.check"),
                ("test_1_6j_4_2_3_what_cannot_be_handled_is_answered_with_its_error_code",),
            ),
            Switch(
                "telling of an answer off its schema",
                without("station.conformance.judge_answer"),
                ("test_an_answer_off_its_schema_is_told_by_kind_and_used_as_far_as_it_goes",),
            ),
            Switch(
                "telling of a CALL off its schema",
                instead("station.conformance.judge_call", _untold),
                ("test_a_call_off_its_schema_is_told_and_refused",),
            ),
        ),
    ),
    Row(
        "4.1 types 5 and 6",
        "CALLRESULTERROR and SEND of OCPP 2.1",
        "2.1 part 4 §4.1.3, §4.2.4",
        missing="OCPP 2.1 is not spoken yet",
    ),
    Row(
        "4.1 compression",
        "permessage-deflate, offered or not, is a choice of whoever runs the load",
        "P4 §3.3",
        (
            Switch(
                "the offer",
                without("live.deflate.offers"),
                ("test_with_another_librarys_server_frames_are_compressed_both_ways",),
            ),
        ),
    ),
    Row(
        "4.1 ping",
        "WebSocket pings at their own interval; a peer that says nothing is taken for gone",
        "1.6J §5.3; 1.6 §9.1.34; P4 §5.2",
        (
            Switch(
                "the ping",
                without("live.link.Link._ping"),
                ("test_1_6j_5_3_a_peer_that_answers_no_ping_is_taken_for_gone",),
            ),
            Switch(
                "noticing the silence",
                instead(
                    "live.connection.Connection.ping", lambda was: lambda self: was(self) or True
                ),
                ("test_1_6j_5_3_a_peer_that_answers_no_ping_is_taken_for_gone",),
            ),
            Switch(
                "the interval of the configuration",
                after("station.link.power_on", lambda st, now: put(st, ping_s=0.0)),
                ("test_a_ping_interval_takes_effect_at_the_reboot",),
            ),
        ),
    ),
    Row(
        "4.1 back-off",
        "a minimum doubled up to a number of times, plus a random part",
        "P4 §5.3",
        (
            Switch(
                "the doubling",
                before("station.link._backoff", lambda st, now: put(st, link_failures=0)),
                (
                    "test_p4_5_3_back_off_is_the_minimum_doubled_up_to_the_repeats_plus_a_random_part",
                ),
            ),
            Switch(
                "the random part",
                instead(
                    "station.link._backoff", lambda was: lambda st, now: st.settings.backoff_min_s
                ),
                ("test_p4_5_3_the_random_part_differs_between_stations",),
            ),
        ),
    ),
    Row(
        "4.1 no boot on a reconnect",
        "a plain reconnect sends no BootNotification",
        "1.6J §5.4; P4 §5.3",
        (
            Switch(
                "remembering the acceptance",
                before(
                    "station.link.connected",
                    lambda st, now: put(st, registration=Registration.NONE, boot_due=now),
                ),
                ("test_1_6j_5_4_no_boot_notification_on_a_plain_reconnect",),
            ),
        ),
    ),
    Row(
        "4.1 call timeout",
        "30 s unless configured; a model may drop the connection after so many in a row",
        "2.0.1 part 2 §3.2; 1.6err 3.83",
        (
            Switch(
                "the configured timeout",
                configured(call_timeout_s=30.0),
                ("test_1_6_err_3_83_message_timeout_is_configurable",),
            ),
            Switch(
                "dropping the connection",
                changed("station.rpc.time_out", lambda drop, st, now: False),
                ("test_a_connection_may_be_dropped_after_timeouts_in_a_row",),
            ),
        ),
    ),
)

BOOT = (
    Row(
        "4.2 nothing but boot",
        "before the boot is accepted or pending nothing else is sent",
        "1.6 §4.2; B01.FR.08-10",
        (
            Switch(
                "holding back statuses",
                instead("station.statuses._report", _ungated),
                ("test_1_6_4_2_nothing_but_boot_before_accepted",),
            ),
            Switch(
                "holding back queued messages",
                instead(
                    "station.waits.gate_on",
                    lambda was: lambda st, now, why: was(st, now, why & ~GATE_BOOT),
                ),
                ("test_1_6_err_3_22_statuses_go_before_what_was_queued_behind_the_gate",),
            ),
        ),
    ),
    Row(
        "4.2 interval",
        "the heartbeat's period where accepted, else the wait before the next boot; 0 leaves it to "
        "the station, which floods nobody",
        "1.6 §4.2; B01.FR.04, B02.FR.04/07/08, B03.FR.05/06, G02.FR.01",
        (
            Switch(
                "taking over the heartbeat interval",
                without("station.heartbeat.set_interval"),
                ("test_1_6_4_2_accepted_gives_the_heartbeat_interval",),
            ),
            Switch(
                "waiting as long as the CSMS said",
                after(
                    "station.boot.answered",
                    lambda st, now, call, payload: put(
                        st, boot_due=now + 7.0 if st.boot_due < inf else inf
                    ),
                ),
                ("test_1_6_4_2_interval_is_the_wait_before_the_next_boot",),
            ),
            Switch(
                "a wait of the station's own",
                without("station.boot._own_wait", 1.0),
                ("test_1_6_4_2_interval_0_leaves_the_wait_to_the_station_which_floods_nobody",),
            ),
        ),
    ),
    Row(
        "4.2 rejected",
        "no messages and no answers (1.6); SecurityError to every CALL (2.0.1)",
        "1.6 §4.2; B03.FR.02/04/08",
        (
            Switch(
                "silence",
                instead("station.rpc._on_call", _as(Registration.PENDING)),
                (
                    "test_1_6_4_2_rejected_neither_sends_nor_answers",
                    "test_b03_fr_08_a_rejected_station_answers_with_a_security_error",
                ),
            ),
            Switch(
                "the error of 2.0.1",
                table("2.0.1", rejected=None),
                ("test_b03_fr_08_a_rejected_station_answers_with_a_security_error",),
            ),
        ),
    ),
    Row(
        "4.2 pending",
        "sends what is triggered, answers, takes no remote start and stop",
        "1.6 §4.2; B02.FR.01-09",
        (
            Switch(
                "sending what it is told to send",
                value("station.notices._SPEAKS", (Registration.ACCEPTED,)),
                ("test_1_6_4_2_a_pending_station_asks_for_a_certificate_if_it_is_told_to",),
            ),
            Switch(
                "refusing remote starts",
                instead("station.remote.place", _as(Registration.ACCEPTED)),
                (
                    "test_1_6_4_2_remote_start_and_stop_are_not_allowed_while_pending",
                    "test_b02_fr_05_a_remote_start_while_pending_is_rejected",
                ),
            ),
            Switch(
                "serving triggers",
                without("station.remote.trigger"),
                ("test_1_6_4_2_pending_sends_what_is_triggered",),
            ),
        ),
    ),
    Row(
        "4.2 statuses after accepted",
        "of every connector, and of connector 0 in 1.6",
        "1.6err 3.22; B01.FR.05",
        (
            Switch(
                "reporting all",
                without("station.statuses.report_all"),
                (
                    "test_1_6_err_3_22_status_of_connector_0_and_every_connector_after_accepted",
                    "test_b01_fr_05_every_connector_is_reported_after_accepted_and_no_station",
                ),
            ),
        ),
    ),
    Row(
        "4.2 clock",
        "set by currentTime of boot and heartbeats; all timestamps are by it; it may be off",
        "1.6 §4.2, §4.6; B01.FR.06, G02.FR.06",
        (
            Switch(
                "setting the clock",
                without("station.heartbeat.set_clock", True),
                (
                    "test_1_6_4_2_clock_is_set_from_current_time",
                    "test_1_6_4_6_the_clock_is_set_by_heartbeats",
                    "test_clock_of_a_station_lies_off_by_its_own_error",
                ),
            ),
        ),
    ),
    Row(
        "4.2 out of service over a reboot",
        "what the CSMS took out of service stays so",
        "1.6 §4.9; B01.FR.07, B11.FR.02",
        (
            Switch(
                "remembering it",
                before(
                    "station.link.power_on",
                    lambda st, now: [
                        put(evse, out=0, status=Status.AVAILABLE) for evse in st.evses
                    ],
                ),
                ("test_1_6_4_9_unavailable_persists_over_a_reboot",),
            ),
        ),
    ),
)


def _fixed_heartbeat(was):
    def new(st, call, now):
        due = st.beat_due
        was(st, call, now)
        st.beat_due = due if due < inf and call.action != "Heartbeat" else st.beat_due

    return new


STATUSES = (
    Row(
        "4.3 heartbeat",
        "only after an interval of silence, and at least once in 24 hours",
        "1.6 §4.6, §9.1.10; G02.FR.02/05/07",
        (
            Switch(
                "counting from the last frame",
                instead("station.rpc._send", _fixed_heartbeat),
                ("test_1_6_4_6_a_heartbeat_only_after_an_interval_without_any_frame",),
            ),
            Switch(
                "the daily one",
                after("station.heartbeat.start", lambda st, now: put(st, day_due=inf)),
                ("test_1_6_4_6_meter_values_keep_heartbeats_away_but_for_one_a_day",),
            ),
        ),
    ),
    Row(
        "4.3 transitions",
        "the table of 1.6; connector 0 has three states; SuspendedEVSE before SuspendedEV; "
        "Finishing until the plug is pulled",
        "1.6 §4.9",
        (
            Switch(
                "going through Available",
                value("station.statuses.TRANSITIONS", {s: frozenset(Status) for s in Status}),
                ("test_1_6_4_9_from_preparing_out_of_service_by_way_of_available",),
            ),
            Switch(
                "the order of the suspensions",
                changed(
                    "station.statuses.current",
                    lambda status, evse: (
                        Status.SUSPENDED_EV
                        if status is Status.SUSPENDED_EVSE and evse.ev_suspended
                        else status
                    ),
                ),
                ("test_1_6_4_9_suspended_evse_wins_over_suspended_ev",),
            ),
            Switch(
                "Finishing",
                changed(
                    "station.statuses.current",
                    lambda status, evse: Status.AVAILABLE if status is Status.FINISHING else status,
                ),
                ("test_1_6_4_9_finishing_until_unplugged",),
            ),
            Switch(
                "connector 0 of its own",
                changed(
                    "station.statuses.current",
                    lambda status, evse: (
                        Status.PREPARING
                        if not evse.number and status is Status.AVAILABLE
                        else status
                    ),
                ),
                ("test_1_6_4_9_connector_0_is_only_available_unavailable_or_faulted",),
            ),
        ),
    ),
    Row(
        "4.3 minimum duration",
        "a status that lasts less than MinimumStatusDuration is not reported",
        "1.6 §4.9, §9.1.20",
        (
            Switch(
                "waiting",
                configured(minimum_status_s=0.0),
                ("test_1_6_9_1_20_minimum_status_duration_lets_short_states_pass_unsaid",),
            ),
        ),
    ),
    Row(
        "4.3 after an outage",
        "the current status of what changed, no history; 2.0.1: of everything after a long one",
        "1.6 §4.9; B04.FR.01/02",
        (
            Switch(
                "reporting what changed",
                without("station.statuses.report_changed"),
                (
                    "test_1_6_4_9_after_an_outage_only_the_current_status_of_what_changed",
                    "test_b04_fr_02_after_a_short_one_only_what_changed",
                ),
            ),
            Switch(
                "reporting everything after a long one",
                configured(offline_threshold_s=inf),
                ("test_b04_fr_01_after_a_long_outage_every_connector_is_reported",),
            ),
            Switch(
                "reporting nothing else after a short one",
                configured(offline_threshold_s=-1.0),
                (
                    "test_1_6_4_9_after_an_outage_only_the_current_status_of_what_changed",
                    "test_b04_fr_02_after_a_short_one_only_what_changed",
                ),
            ),
        ),
    ),
)

ROWS = tuple(
    sorted(
        (
            *CONNECTION,
            *BOOT,
            *STATUSES,
            *TOKENS,
            *TRANSACTIONS,
            *CHARGING,
            *REPORTS,
            *SECURITY,
            *POWER,
            *FLEETS,
            *CERTIFIED,
        ),
        key=lambda row: row.key[:3],
    )
)

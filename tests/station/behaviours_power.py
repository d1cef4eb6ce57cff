"""The rows of ``behaviours.py`` on smart charging beyond what load tools are known to get wrong.

Each is a requirement of OCPP 2.0.1 that a station can miss without anybody's noticing.
"""

from math import floor

from switches import Row, Switch, before, changed, configured, instead, put, value, without

from simulator.station import clock
from simulator.station.model import Registration
from simulator.station.v201_keys import KEYS


def _unheard(was):
    """Limits of others are told only while the CSMS listens."""
    from simulator.station.model import Link

    return lambda st, now, *args: was(st, now, *args) if st.link is Link.ONLINE else None


def _from_the_start(was):
    """What is relative counts from when the transaction opened."""

    def new(st, at):
        found = was(st, at)
        begun = {evse.number: st.clock_zero + evse.tx.begun for evse in st.evses if evse.tx}
        return [session._replace(begun=begun[session.evse]) for session in found]

    return new


def _whole_second(was):
    """The schedule is worked out for the beginning of the second."""

    def new(st, now, *args):
        return was(st, floor(st.clock_zero + now) - st.clock_zero, *args)

    return new


def _writable(name, yes):
    def off():
        object.__setattr__(KEYS[name], "writable", yes)

    return off


POWER = (
    Row(
        "K03 priority",
        "a transaction of a higher chargingPriority is served first; the word on the transaction "
        "counts for it alone",
        "K03.FR.04-06",
        (
            Switch(
                "serving by it",
                changed(
                    "station.smartcharging.sessions",
                    lambda found, *args: [session._replace(priority=0) for session in found],
                ),
                (
                    "test_k03_fr_04_a_higher_priority_is_served_first",
                    "test_k03_fr_04_a_priority_that_the_station_remembers_counts_offline",
                    "test_k03_fr_05_the_word_on_the_transaction_counts_for_it_alone",
                ),
            ),
            Switch(
                "hearing of it with the transaction",
                without("station.v201_events._prefer"),
                ("test_k03_fr_05_the_word_on_the_transaction_counts_for_it_alone",),
            ),
        ),
    ),
    Row(
        "K04 sharing",
        "who stops with the plug still in frees his share",
        "K04.FR.01",
        (
            Switch(
                "seeing that nothing is drawn any more",
                changed(
                    "station.smartcharging.sessions",
                    lambda found, *args: [session._replace(idle=False) for session in found],
                ),
                ("test_k04_fr_01_who_stops_with_the_plug_still_in_frees_the_share",),
            ),
        ),
    ),
    Row(
        "K01 relative",
        "relative periods count from when energy can flow, not from when the transaction opened",
        "K01.FR.42",
        (
            Switch(
                "counting from the power path",
                instead("station.smartcharging.sessions", _from_the_start),
                ("test_k01_fr_42_relative_periods_count_from_when_energy_can_flow",),
            ),
        ),
    ),
    Row(
        "K01 phases",
        "a phase is used where it is named and can be chosen, else the profile is rejected",
        "K01.FR.19, FR.43-48; K §3.7",
        (
            Switch(
                "using the phase",
                before(
                    "station.composite.offer_of",
                    lambda period, *args: object.__setattr__(period, "phase_to_use", None),
                ),
                (
                    "test_k01_fr_46_the_phase_that_is_named_is_the_one_in_use",
                    "test_k08_the_composite_schedule_names_the_phase",
                ),
            ),
            Switch(
                "rejecting what cannot be promised",
                without("station.phases.refusal", ""),
                ("test_k01_fr_43_and_fr_48_what_cannot_be_promised_is_rejected",),
            ),
            Switch(
                "rejecting what conflicts",
                without("station.phases.conflict", False),
                ("test_k_3_7_a_phase_that_conflicts_with_that_of_the_station_is_rejected",),
            ),
        ),
    ),
    Row(
        "K11 limits of others",
        "rule, are told, also after an outage, and when they are gone",
        "K11-K13",
        (
            Switch(
                "keeping to them",
                without("station.smartcharging.impose"),
                (
                    "test_k12_fr_02_a_limit_of_others_is_told_and_changes_the_rate",
                    "test_k12_fr_05_reported_as_external_constraints_with_an_id_below_0",
                    "test_k13_fr_01_to_fr_03_once_it_is_gone_it_limits_nothing_and_that_is_told",
                ),
            ),
            Switch(
                "telling of them after an outage",
                instead("station.notices.tell", _unheard),
                ("test_k12_fr_02_a_limit_of_an_outage_is_told_after_it",),
            ),
            Switch(
                "being freed of them",
                without("station.smartcharging.lift", True),
                ("test_k13_fr_01_to_fr_03_once_it_is_gone_it_limits_nothing_and_that_is_told",),
            ),
        ),
    ),
    Row(
        "K11 significance",
        "LimitChangeSignificance can be set; smaller changes of limit and rate are not told",
        "SC.03; K11.FR.02/04, K12.FR.02",
        (
            Switch(
                "heeding it",
                configured(limit_significance=0.0),
                (
                    "test_k11_fr_02_and_k12_fr_02_small_changes_of_the_limit_are_not_told",
                    "test_sc_03_and_k11_fr_04_small_changes_of_the_rate_are_not_told",
                ),
            ),
            Switch(
                "telling of another rate",
                without("station.smartcharging._rate"),
                (
                    "test_sc_02_sharing_with_another_tells_the_new_rate",
                    "test_sc_03_and_k11_fr_04_small_changes_of_the_rate_are_not_told",
                ),
            ),
        ),
    ),
    Row(
        "K15 EVs of ISO 15118",
        "needs are told after the transaction, the EV chooses among schedules, what it comes to is "
        "told, and told again when it changes",
        "K15-K17",
        (
            Switch(
                "telling needs",
                without("station.needs._tell"),
                (
                    "test_k15_fr_01_and_fr_06_needs_on_ac_are_told_after_the_transaction",
                    "test_k15_fr_06_needs_on_dc",
                    "test_k17_fr_01_and_fr_10_new_needs_are_told_and_answered_by_a_schedule",
                ),
            ),
            Switch(
                "choosing",
                instead("station.needs.chosen", lambda was: lambda st, now, evse, given: given),
                ("test_k15_fr_07_of_several_schedules_the_ev_takes_what_gives_it_most",),
            ),
            Switch(
                "negotiating again",
                without("station.needs._renegotiate"),
                (
                    "test_k16_fr_02_and_fr_09_a_new_profile_is_a_new_schedule_and_asks_for_no_needs",
                    "test_k16_fr_02_limits_of_others_and_cleared_profiles_are_new_schedules_too",
                ),
            ),
            Switch(
                "refusing what comes too early or is too long",
                without("station.needs.refusal", ""),
                (
                    "test_k15_fr_17_a_profile_before_the_needs_comes_too_early",
                    "test_k15_fr_07_no_more_periods_than_the_ev_can_take",
                    "test_k01_fr_34_several_schedules_are_for_such_evs_alone",
                ),
            ),
            Switch(
                "reporting no more than the EV takes",
                instead("station.needs.within", lambda was: lambda st, evse, found: found),
                ("test_sc_04_the_composite_schedule_is_no_more_than_the_ev_takes",),
            ),
        ),
    ),
    Row(
        "L01 no reset meanwhile",
        "no reset while firmware is written",
        "B11 (FwUpdateInProgress)",
        (
            Switch(
                "refusing it",
                without("station.firmware.installing", False),
                (
                    "test_b11_no_reset_while_firmware_is_written",
                    "test_1_6_5_14_no_reset_while_firmware_is_written",
                ),
            ),
        ),
    ),
    Row(
        "N01 upload and reboot",
        "a reboot breaks an upload off; it begins anew",
        "N01.FR.02",
        (
            Switch(
                "noticing the reboot",
                without("station.logs.check"),
                (
                    "test_a_reset_breaks_an_upload_off_and_it_begins_anew",
                    "test_a_retry_that_falls_into_a_reboot_waits_for_it",
                ),
            ),
        ),
    ),
    Row(
        "M04 own chain",
        "what vouches for the station's own certificate is not deleted",
        "M04.FR.03, FR.06",
        (
            Switch(
                "knowing the whole chain",
                value("station.truststore.pairwise", lambda line: [(line[0], line[1])]),
                ("test_m04_fr_03_what_vouches_for_the_stations_own_is_there_and_stays",),
            ),
        ),
    ),
    Row(
        "K08 and K09 answers",
        "a composite schedule opens with what holds now; profiles are reported once accepted; a "
        "remote start with a bad profile says why",
        "K05.FR.05, K08.FR.02, B02.FR.02",
        (
            Switch(
                "opening with this moment",
                instead("station.smartcharging.composite_of", _whole_second),
                (
                    "test_k08_fr_02_it_opens_with_what_holds_at_the_moment_and_not_earlier_in_its_"
                    "second",
                ),
            ),
            Switch(
                "waiting to be accepted",
                before(
                    "station.v201_smartcharging.get_profiles",
                    lambda st, *args: put(st, registration=Registration.ACCEPTED),
                ),
                ("test_b02_fr_02_no_profiles_are_reported_before_accepted",),
            ),
            Switch(
                "looking at the profile of a remote start",
                without("station.smartcharging.refusal", ""),
                ("test_k05_fr_05_a_remote_start_with_a_profile_that_is_no_good_says_why",),
            ),
        ),
    ),
    Row(
        "3.1 for ever",
        "times up to the year 9999 are times",
        "3.1 (RFC 3339)",
        (
            Switch(
                "the last second",
                value("station.clock._LAST", clock.LATEST),
                ("test_for_ever_is_a_time_and_can_be_told",),
            ),
        ),
    ),
    Row(
        "device model fixed",
        "what the specification makes read-only cannot be set, what it makes writable can",
        "part 2 §2.9, §2.12",
        (
            Switch(
                "read-only",
                _writable("smartchargingctrlr.rateunit", True),
                ("test_2_0_1_part_2_2_9_2_12_what_the_specification_makes_read_only",),
            ),
            Switch(
                "writable",
                _writable("smartchargingctrlr.limitchangesignificance", False),
                ("test_2_0_1_part_2_2_9_11_limit_change_significance_is_a_number_that_can_be_set",),
            ),
            Switch(
                "required variables",
                changed(
                    "station.v201_device.of_connector",
                    lambda rows, *args: [row for row in rows if row.name != "ConnectorType"],
                ),
                ("test_every_variable_that_the_specification_requires_is_there_on_ac_and_dc",),
            ),
        ),
    ),
    Row(
        "device model live",
        "counts profiles and tells the firmware that runs",
        "part 2 §2.9.10",
        (
            Switch(
                "counting profiles",
                before(
                    "station.device_live.charging_profiles", lambda st, *args: put(st, smart=None)
                ),
                ("test_2_0_1_part_2_2_9_10_entries_are_the_profiles_that_are_installed",),
            ),
            Switch(
                "the firmware that runs",
                without("station.firmware.version", "1.0"),
                ("test_the_firmware_version_is_the_installed_one",),
            ),
        ),
    ),
)

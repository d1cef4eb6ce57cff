"""The rows of ``behaviours.py`` on lists of tokens, reservations, reports, firmware, security."""

import dataclasses
from dataclasses import replace

from switches import (
    Row,
    Switch,
    before,
    changed,
    configured,
    instead,
    put,
    table,
    value,
    without,
)


def _forgetful(st, now, call, payload):
    call.about.about.wait_s = 1.0


def _lost_offline(was):
    from simulator.station.model import Link

    return lambda st, now, *args: was(st, now, *args) if st.link is Link.ONLINE else None


def _note_each(st, now, event, info):
    from simulator.station import security

    security.note(st, now, event, info)


TOKENS = (
    Row(
        "4.4 no authorisation",
        "a button or the plug starts without asking; 1.6 with an idTag of the station's own",
        "C02.FR.01/03",
        (
            Switch(
                "a token that is the station's own",
                without("station.authorisation.button_token", "X"),
                (
                    "test_c02_fr_01_a_start_button_starts_with_the_empty_token",
                    "test_a_button_of_1_6_starts_with_an_id_tag_of_the_stations_own",
                    "test_where_nobody_is_authorised_the_plug_starts",
                ),
            ),
        ),
    ),
    Row(
        "4.4 plug and charge",
        "a contract is told by eMAID and hashes, judged by the CSMS, and offline by its chain",
        "C07.FR.01/02/06-09/13-17",
        (
            Switch(
                "telling it",
                without("station.plugandcharge.shown", ""),
                (
                    "test_c07_fr_01_and_fr_02_the_csms_is_asked_by_emaid_and_hashes",
                    "test_c07_fr_06_without_a_root_the_chain_goes_to_the_csms_if_it_may",
                ),
            ),
            Switch(
                "heeding certificateStatus",
                instead(
                    "station.plugandcharge.judged",
                    lambda was: lambda contract, info, payload: info,
                ),
                ("test_c07_fr_13_to_fr_17_token_and_contract_must_both_be_good",),
            ),
            Switch(
                "looking at it offline",
                without("station.plugandcharge.holds_offline", True),
                (
                    "test_c07_fr_07_offline_no_contract_is_good_unless_the_station_may_look",
                    "test_c07_fr_08_and_fr_12_offline_the_chain_is_followed_to_a_root",
                ),
            ),
        ),
    ),
    Row(
        "4.4 cache",
        "updated by every answer, with expiry, kept over a reboot; asked again where not valid",
        "1.6 §3.5.1; C10.FR.02/03, C12.FR.02",
        (
            Switch(
                "learning from answers",
                without("station.authcache.keep"),
                (
                    "test_1_6_3_5_1_the_cache_is_updated_by_authorize_start_and_stop",
                    "test_c10_fr_05_the_cache_is_updated_by_transaction_events",
                    "test_1_6_err_3_4_the_cache_survives_a_reset",
                ),
            ),
            Switch(
                "starting by it",
                without("station.authcache.look"),
                (
                    "test_1_6_3_5_1_the_cache_starts_without_asking_if_local_pre_authorize",
                    "test_c12_fr_02_a_cached_token_starts_with_a_transaction_event_alone",
                ),
            ),
            Switch(
                "room for what is valid",
                instead(
                    "station.authcache._make_room",
                    lambda was: lambda cache, epoch: cache.pop(next(iter(cache))),
                ),
                ("test_1_6_3_5_1_not_valid_entries_make_room_first_then_the_oldest",),
            ),
            Switch(
                "asking again",
                without("station.tokens.asks_again", False),
                (
                    "test_1_6_3_5_1_a_token_known_as_not_valid_is_asked_about_again",
                    "test_c10_fr_03_and_c12_fr_05_a_cached_token_that_is_not_accepted_is_asked_about",
                ),
            ),
        ),
        until="there is no authorisation cache; ClearCache is Rejected",
    ),
    Row(
        "4.4 local list",
        "goes before the cache; a conflict is told",
        "1.6 §3.5.2, §3.5.3; D01",
        (
            Switch(
                "a new beginning after an empty list",
                without("station.locallist.size", 1),
                ("test_1_6_5_10_any_version_may_follow_that_of_an_empty_list",),
            ),
            Switch(
                "ConcurrentTx as a word for valid",
                instead("station.v16_authorisation._listed", lambda was: lambda info: info),
                ("test_1_6_3_5_2_concurrent_tx_marks_a_listed_token_as_valid",),
            ),
            Switch(
                "looking at it",
                without("station.locallist.look"),
                (
                    "test_1_6_3_5_3_the_list_wins_over_the_cache",
                    "test_1_6_3_5_and_c14_fr_02_who_is_on_the_list_starts_without_asking",
                    "test_1_6_3_5_2_a_csms_that_contradicts_its_list_is_told",
                ),
            ),
            Switch(
                "noticing a contradiction",
                without("station.tokens._contradicts", False),
                ("test_1_6_3_5_2_a_csms_that_contradicts_its_list_is_told",),
            ),
        ),
        until="there is no local list; SendLocalList is refused",
    ),
    Row(
        "4.4 local authorisation offline",
        "LocalAuthorizeOffline decides for known tokens",
        "1.6 §3.5.4; C13",
        (
            Switch(
                "heeding the key",
                configured(local_offline=True),
                (
                    "test_1_6_3_5_4_offline_the_known_by_local_authorize_offline_the_unknown_by_their_own_key",
                ),
            ),
        ),
        until="nothing local to authorise with",
    ),
    Row(
        "4.4 energy after a refusal",
        "MaxEnergyOnInvalidId is delivered and no more",
        "1.6 §9.1.17; E05.FR.02/03",
        (
            Switch(
                "stopping there",
                without("station.maxenergy._look"),
                (
                    "test_1_6_9_1_14_max_energy_on_invalid_id_is_delivered_and_no_more",
                    "test_e05_fr_02_and_fr_03_energy_flows_until_max_energy_on_invalid_id",
                ),
            ),
        ),
        until="MaxEnergyOnInvalidId is not offered",
    ),
    Row(
        "4.5 reservation id",
        "told with the transaction that uses the reservation up",
        "1.6 §4.8, §5.13; E01.FR.13",
        (
            Switch(
                "using it up",
                without("station.reservations.use", True),
                ("test_1_6_5_13_and_h03_fr_01_the_reserved_token_uses_it_and_says_so",),
            ),
            Switch(
                "telling it in 2.0.1",
                without("station.v201_events._reservation", ""),
                ("test_e01_fr_13_and_e03_fr_03_the_next_event_tells_the_reservation",),
            ),
            Switch(
                "keeping others away",
                without("station.reservations.refuses", False),
                ("test_1_6_5_13_others_are_refused_without_asking",),
            ),
        ),
        until="there are no reservations; ReserveNow is refused",
    ),
)

REPORTS = (
    Row(
        "4.6 split reports",
        "in parts numbered from 0, with tbc on all but the last",
        "B07, K09, N02",
        (
            Switch(
                "tbc of charging profiles",
                changed(
                    "station.v201_smartcharging.report",
                    lambda body, *args: body.replace('"tbc":true', '"tbc":false'),
                ),
                ("test_k09_fr_01_profiles_are_reported_by_evse_with_tbc_on_all_but_the_last",),
            ),
            Switch(
                "tbc of variables",
                changed(
                    "station.v201_reports.notify_report",
                    lambda body, *args: body.replace('"tbc":true', '"tbc":false'),
                ),
                ("test_b07_fr_04_10_parts_are_numbered_from_0_and_the_last_says_so",),
            ),
            Switch(
                "numbers of the parts",
                before(
                    "station.v201_reports.notify_report",
                    lambda st, now, call: put(call.about, seq=0),
                ),
                ("test_b07_fr_04_10_parts_are_numbered_from_0_and_the_last_says_so",),
            ),
        ),
        until="NotifyReport is not sent",
    ),
)

SECURITY = (
    Row(
        "4.7 firmware update",
        "walks its states, reboots, says the request's id in each (2.0.1)",
        "1.6 §5.19; L01.FR.01/10",
        (
            Switch(
                "how far an update is that waits",
                value("station.v16_firmware._UNDER_WAY", {}),
                ("test_1_6_4_5_an_update_that_waits_or_boots_is_not_idle",),
            ),
            Switch(
                "telling the states",
                without("station.firmware._tell"),
                (
                    "test_1_6_5_19_downloading_downloaded_installing_reboot_installed",
                    "test_l01_fr_10_every_state_with_the_request_id_and_a_boot_for_the_update",
                ),
            ),
            Switch(
                "downloading",
                without("station.firmware._download"),
                ("test_1_6_5_19_downloading_downloaded_installing_reboot_installed",),
            ),
        ),
        until="UpdateFirmware is refused",
    ),
    Row(
        "4.7 a new update",
        "cancels the old one",
        "1.6 §5.19; L01.FR.24",
        (
            Switch(
                "cancelling",
                without("station.firmware._cancel"),
                (
                    "test_1_6_5_19_a_new_request_cancels_the_old_one",
                    "test_l01_fr_24_a_new_request_cancels_the_old_one",
                ),
            ),
        ),
    ),
    Row(
        "4.7 logs and diagnostics",
        "are really uploaded",
        "1.6 §5.9; N01",
        (
            Switch(
                "beginning anew after a reset",
                without("station.logs.check"),
                ("test_1_6_5_9_a_reset_breaks_an_upload_off_and_it_begins_anew_after_it",),
            ),
            Switch(
                "the upload",
                without("station.logs._upload"),
                (
                    "test_1_6_5_9_diagnostics_are_named_uploaded_and_told",
                    "test_n01_fr_01_to_fr_09_uploading_uploaded_with_name_and_request_id",
                ),
            ),
        ),
        until="GetLog and GetDiagnostics are refused",
    ),
    Row(
        "4.7 certificate requests",
        "tried again with a doubling wait; every station has a certificate of its own",
        "A02.FR.17/18, A00.FR.427",
        (
            Switch(
                "the doubling",
                before("station.certificates.sign_answered", _forgetful),
                ("test_a02_fr_17_to_fr_19_asked_again_with_a_wait_that_doubles_then_no_more",),
            ),
            Switch(
                "trying again",
                without("station.certificates._again"),
                ("test_a02_fr_17_to_fr_19_asked_again_with_a_wait_that_doubles_then_no_more",),
            ),
            Switch(
                "the station's own name",
                without("station.certificates._name", "one for all"),
                ("test_a02_fr_03_the_request_names_serial_number_and_owner",),
            ),
        ),
        until="no station asks for a certificate",
    ),
    Row(
        "4.7 security events",
        "are told, kept while offline and told after it",
        "A00.FR.310/311, A04",
        (
            Switch(
                "telling them",
                without("station.security.note"),
                (
                    "test_a04_fr_01_a_reset_and_the_startup_after_it_are_told",
                    "test_a02_fr_07_any_other_is_rejected_and_a_security_event",
                ),
            ),
            Switch(
                "keeping them",
                instead("station.notices.tell", _lost_offline),
                ("test_a04_fr_02_events_of_an_outage_are_told_after_it_in_order",),
            ),
        ),
        until="no security event is told",
    ),
    Row(
        "4.7 TLS",
        "a CSMS that cannot be trusted is left, counted and told of once it is reached; each"
        " station shows its own certificate and no other",
        "A00.FR.310/311, A00.FR.316, A00.FR.401, A00.FR.427",
        (
            Switch(
                "the event",
                without("live.tls.suspicion", ""),
                ("test_a_wrong_certificate_of_the_csms_is_named_and_told_to_the_station",),
            ),
            Switch(
                "once for repeated attempts",
                instead(
                    "station.security.suspect",
                    lambda was: lambda st, now, event, info: _note_each(st, now, event, info),
                ),
                (
                    "test_a00_fr_310_a_wrong_certificate_of_the_csms_is_told_once_it_is_reached",
                    "test_a00_fr_316_419_each_kind_is_told_once_for_repeated_attempts",
                ),
            ),
            Switch(
                "a certificate of one's own",
                changed(
                    "station.network.way",
                    lambda wish, st: dataclasses.replace(wish, certificate=None, key=None),
                ),
                ("test_m03_m04_what_the_station_left_the_factory_with_is_in_its_store",),
            ),
            Switch(
                "whom to trust",
                changed(
                    "station.network.way",
                    lambda wish, st: dataclasses.replace(wish, roots=()),
                ),
                ("test_m03_m04_what_the_station_left_the_factory_with_is_in_its_store",),
            ),
        ),
    ),
    Row(
        "4.7 security profiles",
        "a new one is proved by a connection: kept, and less is not allowed any more, or given up",
        "A05.FR.06; WP A05.FR.08",
        (
            Switch(
                "giving it up",
                without("station.network.try_profile"),
                ("test_a05_fr_08_after_three_attempts_it_goes_back_to_the_profile_before",),
            ),
            Switch(
                "forgetting what is less secure",
                without("station.network._forget_lower"),
                ("test_a05_fr_06_connected_by_a_safer_profile_the_others_are_forgotten",),
            ),
        ),
    ),
)


FLEETS = (
    Row(
        "4.9 clocks",
        "every station's clock lies off by an error of its own, and it reads by that clock",
        "1.6 §3.16.2",
        (
            Switch(
                "the error",
                value("station.heartbeat._normal", lambda u, v: 0.0),
                (
                    "test_clock_of_a_station_lies_off_by_its_own_error",
                    "test_stations_whose_clocks_differ_are_not_aligned_with_each_other",
                ),
            ),
        ),
    ),
    Row(
        "4.9 what is a Local Controller's",
        "PublishFirmware and UnpublishFirmware are refused",
        "L03, L04",
        (
            Switch(
                "refusing them",
                table("2.0.1", unsupported=frozenset()),
                ("test_p4_4_3_an_action_without_support_is_answered_not_supported",),
            ),
        ),
    ),
    Row(
        "4.9 EXI",
        "is passed on as it was given, and never made up",
        "M01",
        (
            Switch(
                "passing it on",
                before(
                    "station.plugandcharge.request",
                    lambda st, now, call: put(call, about=replace(call.about, exi="AAAA")),
                ),
                ("test_m01_fr_01_what_an_ev_asks_is_passed_on_as_it_is",),
            ),
        ),
    ),
    Row(
        "4.9 names in certificates",
        "the serial number and the owner",
        "A00.FR.404/405/511",
        (
            Switch(
                "the owner",
                configured(organisation="Somebody"),
                ("test_a02_fr_03_the_request_names_serial_number_and_owner",),
            ),
        ),
    ),
    Row(
        "4.9 transfers",
        "to hosts that are allowed alone, no larger than allowed, off by default",
        "1.6 §5.9, §5.19",
        (
            Switch(
                "looking at the host",
                instead(
                    "live.transfers.urlsplit",
                    lambda was: lambda url: was(url)._replace(netloc="127.0.0.1:1"),
                ),
                ("test_nobody_else_is_spoken_to",),
            ),
        ),
    ),
)

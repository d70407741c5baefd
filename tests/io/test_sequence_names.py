import pytest

from glxflow.io.sequence_names import sequence_names, sequences_in


@pytest.mark.parametrize(
    ("name", "sequence"),
    [
        ("svs_se", "press"),
        ("eja_svs_press", "press"),
        ("PRESS PAR 35", "press"),
        ("PROBE-P", "press"),
        ("svs_st", "steam"),
        (r"%CustomerSeq%\uzay_steam_gui", "steam"),
        ("PROBE-S", "steam"),
        ("svs_slaser_dkd", "slaser"),
        ("semi-LASER_TE30", "slaser"),
        ("svs_special", "special"),
        ("svs_edit", "megapress"),
        ("eja_svs_mpress", "megapress"),
        ("MEGA-PRESS_GABA", "megapress"),
    ],
)
def test_names_of_vendors_are_recognised(name, sequence):
    assert sequences_in(name) == {sequence}


@pytest.mark.parametrize(
    "name",
    [
        "HERMES_PRESS",
        "eja_svs_mslaser",
        "mega_slaser",
        "water suppressed",
        "specialist",
        "csi_fid",
    ],
)
def test_names_of_other_sequences_are_not_mistaken(name):
    assert sequences_in(name) == set()


def test_an_ambiguous_name_stands_for_all_it_may_mean():
    assert sequences_in("press_or_steam") == {"press", "steam"}


def test_a_protocol_is_a_name_only_where_it_holds_one():
    fields = {"ProtocolName": "hippocampus", "SequenceName": " svs_st "}
    assert sequence_names(fields) == {"SequenceName": "svs_st"}
    assert sequence_names({"ProtocolName": "STEAM_metab"}) == {"ProtocolName": "STEAM_metab"}


def test_fields_with_a_value_inside_are_read():
    fields = {
        "PulseSequenceFile": {"Value": "svs_se", "Description": "path"},
        "SequenceName": None,
    }
    assert sequence_names(fields) == {"PulseSequenceFile": "svs_se"}

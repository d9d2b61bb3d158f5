"""What may be promised to a T-CONT, and the messages that say what would fit."""

import json
from dataclasses import asdict, replace

import pytest

from testbed.model.base import UPSTREAM
from testbed.pon import (
    Eligibility,
    PonStandard,
    QuietWindow,
    Reporting,
    TCont,
    capacity_bps,
    check_tcont,
    check_tconts,
    engine_capacity_bps,
)
from testbed.pon.dba.arrangement import sure_capacity_bps
from testbed.pon.tcont import tcont_of

MEGABIT = 10**6
GIGABIT = 10**9
NONE, NON_ASSURED, BEST_EFFORT = Eligibility.NONE, Eligibility.NON_ASSURED, Eligibility.BEST_EFFORT


@pytest.mark.parametrize(
    ("fixed_bps", "assured_bps", "eligibility", "number"),
    [
        (1, 0, NONE, 1),
        (0, 1, NONE, 2),
        (0, 1, NON_ASSURED, 3),
        (0, 0, BEST_EFFORT, 4),
        (1, 1, BEST_EFFORT, 5),
    ],
)
def test_the_mixture_of_rates_is_the_type(
    fixed_bps: int, assured_bps: int, eligibility: Eligibility, number: int
) -> None:
    tcont = TCont(
        alloc_id=1,
        onu=1,
        fixed_bps=fixed_bps,
        assured_bps=assured_bps,
        maximum_bps=2,
        eligibility=eligibility,
    )
    assert tcont.type_number == number


@pytest.mark.parametrize(
    ("tcont", "says"),
    [
        (
            TCont(alloc_id=7, onu=1, assured_bps=60 * MEGABIT, maximum_bps=50 * MEGABIT),
            r"T-CONT 7: maximum 50 Mbit/s is below fixed \+ assured, 60 Mbit/s; .* at least 60 Mbit/s",
        ),
        (
            TCont(alloc_id=1, onu=1, assured_bps=40 * MEGABIT, maximum_bps=50 * MEGABIT),
            "maximum 50 Mbit/s is above .* lower the maximum to 40 Mbit/s or choose another eligibility",
        ),
        (
            TCont(alloc_id=1, onu=1, maximum_bps=1, eligibility=NON_ASSURED),
            "in proportion to fixed .* give it at least 1 bit/s assured, or choose best_effort",
        ),
        (TCont(alloc_id=1, onu=1, maximum_bps=0), "maximum_bps is 0; it is at least 1"),
        (TCont(alloc_id=1, onu=1, maximum_bps=1, eligibility=BEST_EFFORT, weight=0), "weight is 0; it is at"),
        (TCont(alloc_id=-1, onu=1, maximum_bps=1), "at least 0"),
        (
            TCont(alloc_id=1, onu=1, maximum_bps=1, eligibility=BEST_EFFORT, grants_per_frame=4),
            "4 grants per frame have no fixed rate to carry; only 1 fits",
        ),
        (
            TCont(alloc_id=1, onu=1, assured_bps=1, maximum_bps=1, reporting=Reporting.FIXED),
            "needs a fixed rate of at least 1 bit/s",
        ),
        (
            TCont(alloc_id=1, onu=1, fixed_bps=1, assured_bps=1, maximum_bps=2, reporting=Reporting.FIXED),
            "only a fixed rate fits: assured 0 bit/s and eligibility none",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_would(tcont: TCont, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        check_tcont(tcont)


def test_an_alloc_id_used_twice_is_refused_with_one_that_is_free() -> None:
    twice = [TCont(alloc_id=3, onu=onu, assured_bps=1, maximum_bps=1) for onu in (1, 2)]
    with pytest.raises(ValueError, match="Alloc-ID 3 is used by ONU 1 and by ONU 2; 4 is free"):
        check_tconts(PonStandard.XGS_PON, twice)


def promises(rate_bps: int, onus: int) -> list[TCont]:
    return [TCont(alloc_id=onu, onu=onu, assured_bps=rate_bps, maximum_bps=rate_bps) for onu in range(onus)]


def test_promises_beyond_the_line_are_refused_with_the_most_that_fits() -> None:
    with pytest.raises(
        ValueError,
        match=r"up to 9 Gbit/s on XGS-PON upstream; with bursts of 3 ONUs .* that fits is 8.60\d Gbit/s",
    ):
        check_tconts(PonStandard.XGS_PON, promises(3 * GIGABIT, 3))
    most_bps = sure_capacity_bps(PonStandard.XGS_PON, promises(1, 3))
    check_tconts(PonStandard.XGS_PON, promises(most_bps // 3, 3))
    with pytest.raises(ValueError, match="the most that fits"):
        check_tconts(PonStandard.XGS_PON, promises(most_bps // 3 + 1, 3))


def test_more_reports_than_the_frame_holds_are_refused() -> None:
    with pytest.raises(ValueError, match="with bursts of 800 ONUs"):
        check_tconts(PonStandard.XGS_PON, promises(1, 800))


def test_more_fixed_grants_than_fit_evenly_are_refused_with_the_number_that_does() -> None:
    def voice(grants: int) -> TCont:
        return TCont(
            alloc_id=1, onu=1, fixed_bps=5 * MEGABIT, maximum_bps=5 * MEGABIT, grants_per_frame=grants
        )

    with pytest.raises(
        ValueError, match=r"500 evenly spaced grants .* 5 Mbit/s do not fit .* at most \d+ fit"
    ) as e:
        check_tconts(PonStandard.XGS_PON, [voice(500)])
    most = int(str(e.value).split("at most ")[1].split()[0])
    check_tconts(PonStandard.XGS_PON, [voice(most)])
    with pytest.raises(ValueError, match=f"at most {most} fit"):
        check_tconts(PonStandard.XGS_PON, [voice(most + 1)])


def test_ethernet_pon_refuses_fixed_grants_that_hold_no_whole_frame() -> None:
    tcont = TCont(alloc_id=1, onu=1, fixed_bps=MEGABIT, maximum_bps=MEGABIT, reporting=Reporting.FIXED)
    with pytest.raises(ValueError, match=r"does not split frames, .* 1542 bytes.* at least 12.336 Mbit/s"):
        check_tconts(PonStandard.EPON_10G, [tcont])
    check_tconts(PonStandard.XGS_PON, [tcont])


@pytest.mark.parametrize("onus", [1, 8, 32, 64, 128])
@pytest.mark.parametrize("standard", list(PonStandard))
def test_what_the_engine_divides_is_the_capacity_within_a_codewords_parity_for_each_burst(
    standard: PonStandard, onus: int
) -> None:
    engine_bps = engine_capacity_bps(standard, promises(1, onus))
    ideal_bps = capacity_bps(standard, UPSTREAM, onus)
    parity_bytes = 336 if standard.startswith("50G") else 32
    per_burst_bps = (parity_bytes + 8) * 64_000
    assert abs(engine_bps - ideal_bps) <= onus * per_burst_bps


@pytest.mark.parametrize("eligibility", [Eligibility.BEST_EFFORT, Eligibility.NON_ASSURED])
def test_an_eligibility_without_a_surplus_to_have_is_refused(eligibility: Eligibility) -> None:
    tcont = TCont(alloc_id=1, onu=1, assured_bps=10**8, maximum_bps=10**8, eligibility=eligibility)
    with pytest.raises(ValueError, match="there is no surplus for it; raise the maximum"):
        check_tcont(tcont)
    check_tcont(replace(tcont, maximum_bps=10**8 + 1))


@pytest.mark.parametrize(
    ("standard", "least"), [(PonStandard.XGS_PON, "512 bit/s"), (PonStandard.EPON_10G, "12.336 kbit/s")]
)
def test_a_rate_that_earns_less_than_a_grant_a_second_is_refused(standard: PonStandard, least: str) -> None:
    slow = TCont(alloc_id=1, onu=1, assured_bps=500, maximum_bps=500)
    with pytest.raises(ValueError, match=f"in a second; the least is {least}"):
        check_tconts(standard, [slow])


def test_what_is_promised_must_fit_beside_the_quiet_windows() -> None:
    promised = [TCont(alloc_id=1, onu=1, assured_bps=7 * 10**9, maximum_bps=7 * 10**9)]
    check_tconts(PonStandard.XGS_PON, promised)
    check_tconts(PonStandard.XGS_PON, promised, [QuietWindow(0, 250_000, 10_000_000)])
    expected = r"quiet windows take 25 %; the most that fits beside them is 6\.4\d+ Gbit/s"
    with pytest.raises(ValueError, match=expected):
        check_tconts(PonStandard.XGS_PON, promised, [QuietWindow(0, 500_000, 2_000_000)])


def test_a_t_cont_that_json_has_carried_is_the_same_in_every_field() -> None:
    tcont = TCont(alloc_id=7, onu=1, assured_bps=10**8, maximum_bps=10**8, reporting=Reporting.COOPERATIVE)
    carried = tcont_of(json.loads(json.dumps(asdict(tcont))))
    assert carried == tcont
    assert carried.eligibility is Eligibility.NONE
    assert carried.reporting is Reporting.COOPERATIVE
    check_tcont(carried)

"""Every round is a dot, those that do not count are marked and counted, and what disturbed them is said."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from sample_records import MEASURED, UNMEASURED, noisy_rounds, session, verdict

from pytest_cortex.judging.estimate import estimate_speedup
from pytest_cortex.judging.gate import Outcome
from pytest_cortex.record import Arm, MeasurementRecord, RoundRecord
from pytest_cortex.reporting.page.measured import all_measured
from pytest_cortex.reporting.page.rounds import MOST_CORNERS, MOST_DOTS, Rounds, rounds_of


def made(ratio: float, *, warmup: bool = False, spoilt: str | None = None) -> RoundRecord:
    return RoundRecord(sequential_s=ratio, parallel_s=1.0, first=Arm.PARALLEL, warmup=warmup, spoilt=spoilt)


def of(*rounds: RoundRecord, **fields: object) -> MeasurementRecord:
    estimate = estimate_speedup([each.sequential_s / each.parallel_s for each in rounds if each.counts])
    found = {"speedup": estimate.speedup, "speedup_low": estimate.low, "speedup_high": estimate.high}
    return replace(MEASURED, rounds=rounds, **{**found, **fields})  # type: ignore[arg-type] # a test's own fields


def drawn(record: MeasurementRecord) -> Rounds:
    shown = rounds_of(all_measured(session(record))[0])
    assert shown is not None
    return shown


def heights(shown: Rounds) -> list[float]:
    return [dot.y for dot in shown.dots]


def test_every_round_is_a_dot_in_the_order_made() -> None:
    shown = drawn(of(made(3, warmup=True), made(2), made(4, spoilt="steal 9 %"), made(3)))
    assert [dot.kind for dot in shown.dots] == ["warmup", "counted", "spoilt", "counted"]
    assert [dot.x for dot in shown.dots] == [12.5, 37.5, 62.5, 87.5]
    assert heights(shown)[1] > heights(shown)[3]


def test_rounds_are_counted_by_kind_in_words() -> None:
    shown = drawn(of(made(3, warmup=True), made(2), made(4, spoilt="steal 9 %"), made(3)))
    assert [words for _kind, words in shown.legend] == [
        "2 rounds count",
        "1 warm-up does not",
        "1 disturbed round does not",
    ]


def test_what_disturbed_rounds_is_said_with_the_worst_of_each() -> None:
    spoilt = ("run delay 12 %", "steal 9 %", "run delay 31 %", "an earthquake")
    shown = drawn(of(made(3), *(made(3, spoilt=each) for each in spoilt)))
    (sentence,) = shown.noise
    assert sentence == (
        "4 rounds were disturbed from outside and did not count: run delay 2× (up to 31 %), steal 1× (up to 9 %), "
        "an earthquake 1×."
    )


def test_noise_is_given_as_the_middle_half_of_the_rounds() -> None:
    assert drawn(of(*map(made, (1, 2, 3, 4, 5)))).noise == (
        "The middle half of the rounds lies between 2.00 and 4.00, 66.7 % of the median.",
    )


def test_limit_median_and_interval_stand_among_the_dots() -> None:
    shown = drawn(of(*map(made, (3.0, 3.1, 3.2, 3.3, 3.4, 3.5, 3.6)), verdicts=(verdict(Outcome.PASS, 2.0),)))
    assert shown.median == heights(shown)[3]
    assert shown.band is not None
    assert shown.band[0] <= shown.median <= sum(shown.band)
    assert shown.limit is not None
    assert shown.limit > max(heights(shown))


def test_warmup_off_the_scale_does_not_squeeze_the_rest_and_is_mentioned() -> None:
    shown = drawn(of(made(40, warmup=True), made(3), made(3.5)))
    assert heights(shown)[0] == 0
    assert heights(shown)[1] - heights(shown)[2] > 50
    assert shown.noise == ("1 round that does not count is off the scale, and drawn at its edge.",)


def corners(curve: str) -> list[str]:
    return curve.replace("V", " V").replace("H", " H").split()


def test_curve_rises_by_one_round_at_each_ratio() -> None:
    shown = drawn(of(made(2), made(1), made(4), made(3), made(9, warmup=True)))
    assert corners(shown.curve)[:2] == ["M0", f"{max(heights(shown)[:4]):g}"]
    assert [corner for corner in corners(shown.curve) if corner[0] == "H"] == ["H25", "H50", "H75", "H100"]
    tops = [float(corner[1:]) for corner in corners(shown.curve) if corner[0] == "V"]
    assert tops == sorted(tops, reverse=True)


def test_spread_is_a_table_whose_median_is_the_speedup_shown_elsewhere() -> None:
    record = of(made(2), made(8))
    speedup, sequential, parallel = drawn(record).spreads
    assert speedup.values == ("2.00", "3.50", "4.00", "6.50", "8.00")
    assert sequential.values[0] == "2.000 s"
    assert set(parallel.values) == {"1.000 s"}


def test_single_round_is_its_own_spread() -> None:
    assert drawn(of(made(2))).spreads[0].values == ("2.00",) * 5


def test_there_is_neither_table_nor_curve_when_no_round_counts() -> None:
    shown = drawn(of(made(2, warmup=True), made(3, spoilt="steal 9 %")))
    assert (shown.spreads, shown.curve) == ((), "")
    assert [dot.kind for dot in shown.dots] == ["warmup", "spoilt"]
    assert shown.description == "0 rounds count, 1 warm-up does not, 1 disturbed round does not"


def test_disturbed_warmup_is_a_warmup() -> None:
    """It would not count anyway, and verdicts do not count it among the disturbed ones either."""
    shown = drawn(of(made(2, warmup=True, spoilt="steal 9 %"), made(3)))
    assert [dot.kind for dot in shown.dots] == ["warmup", "counted"]
    assert shown.noise == ("1 round that does not count is off the scale, and drawn at its edge.",)


def test_description_gives_the_numbers() -> None:
    shown = drawn(of(made(2), made(8), verdicts=(verdict(Outcome.PASS, 3.0),)))
    assert shown.description == "2 rounds count; speedups from 2.00 to 8.00, median 4.00, limit 3.00"


def test_many_rounds_are_not_all_drawn_and_it_is_said() -> None:
    shown = drawn(of(*noisy_rounds(3.0, count=700)))
    assert len(shown.dots) == MOST_DOTS
    assert max(dot.x for dot in shown.dots) <= 100
    assert len(corners(shown.curve)) <= 2 * MOST_CORNERS + 3
    assert shown.noise[-1] == "The first 200 of 702 rounds are drawn; the curve is of all that count."


@pytest.mark.parametrize("rounds", [(), (made(0.0),), (made(float("nan")),), (made(float("inf")),)])
def test_there_is_nothing_to_draw_without_a_ratio(rounds: Sequence[RoundRecord]) -> None:
    assert rounds_of(all_measured(session(replace(UNMEASURED, rounds=tuple(rounds))))[0]) is None

"""A look at the machine: what disturbs the rounds of a program that is measured against itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import chain, cycle, repeat

from pytest_cortex.command.look import BUDGET, PROGRAMS, compute, look, wait
from pytest_cortex.measuring.rounds import WARM_UPS, Watch, undisturbed


def saying(*said: str | None) -> Watch:
    """Makes a watch that says the same of both runs of a round, again and again, and nothing of the warm-ups."""
    words = (each for each in chain([None] * WARM_UPS, cycle(said)) for _ in range(2))
    return lambda: lambda _seconds: next(words)


def test_calm_machine_shows_rounds_and_a_ratio_of_one(advance: Callable[..., None]) -> None:
    seen = look("waiting", partial(advance, 0.005), undisturbed)
    assert (seen.kind, seen.rounds, seen.disturbed, seen.disturbed_share) == ("waiting", BUDGET.most, {}, 0.0)
    assert (seen.ratio, seen.low, seen.high) == (1.0, 1.0, 1.0)


def test_disturbances_are_counted_by_what_they_are(advance: Callable[..., None]) -> None:
    """Whatever their size; the most frequent first."""
    watch = saying("steal 9 %", "run delay 4 %", None, "run delay 31 %")
    seen = look("computing", partial(advance, 0.05), watch)
    assert seen.disturbed == {"run delay": 12, "steal": 6}  # and 6 that counted, before there was no more time
    assert (seen.rounds, seen.disturbed_share, seen.ratio) == (24, 18 / 24, 1.0)


def test_machine_that_spoils_everything_is_given_up_soon(advance: Callable[..., None]) -> None:
    seen = look("waiting", partial(advance, 0.02), saying("other programs on the CPUs 97 %"))
    assert seen.disturbed == {"other programs on the CPUs": BUDGET.fewest}
    assert (seen.ratio, seen.low, seen.disturbed_share) == (None, None, 1.0)


def test_look_takes_no_longer_than_it_may(advance: Callable[..., None]) -> None:
    """A slow machine makes fewer rounds; a pause may follow each that was disturbed."""
    spent = [0.0]

    def slow() -> None:
        spent[0] += 0.02
        advance(0.02)

    look("computing", slow, saying(*repeat("steal 9 %", 2), None))
    assert spent[0] <= 1.5 * BUDGET.fewest * 2 * 0.02 + WARM_UPS * 2 * 0.02 + 1e-9


def test_programs_are_one_that_waits_and_one_that_computes() -> None:
    assert list(PROGRAMS) == ["waiting", "computing"]
    assert compute() == compute() > 0
    wait()

"""Around a run: set-up and tear-down, one event loop for all of it, and errors that say where they come from."""

import asyncio
import operator
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pytest_cortex.measuring import watchdog
from pytest_cortex.measuring.arms import Arms
from pytest_cortex.measuring.watchdog import ArmTimeout


def arms_of(program: Callable[..., Any] = int, **fields: Any) -> Arms:
    defaults: dict[str, Any] = {"equal": operator.eq, "time_limit_s": 60.0}
    return Arms(programs={"parallel": program}, **{**defaults, **fields})


def run(arms: Arms) -> Any:
    with arms.ready("parallel") as program:
        return program()


# Set-up and tear-down -------------------------------------------------------------------------------------------------


def test_program_takes_what_the_set_up_returned_and_so_does_the_tear_down() -> None:
    events: list[tuple[str, object]] = []
    arms = arms_of(
        lambda made: events.append(("program", made)),
        setup=lambda: [1, 2],
        teardown=lambda made: events.append(("teardown", made)),
    )
    run(arms)
    assert events == [("program", [1, 2]), ("teardown", [1, 2])]


@pytest.mark.parametrize("made", [None, (), (1, 2), {"a": 1}])
def test_what_the_set_up_returns_is_one_argument_whatever_it_is(made: object) -> None:
    """Also None: there is always exactly one."""
    assert run(arms_of(lambda *arguments: arguments, setup=lambda: made)) == (made,)


def test_without_a_set_up_nobody_takes_an_argument() -> None:
    calls: list[str] = []
    assert run(arms_of(lambda *arguments: arguments, teardown=lambda: calls.append("teardown"))) == ()
    assert calls == ["teardown"]


def test_every_run_has_an_argument_of_its_own() -> None:
    """A program may spoil it: sorting in place would otherwise be fast from the second run on."""
    arms = arms_of(lambda numbers: (numbers.sort(), numbers)[1], setup=lambda: [3, 1, 2])
    first, second = run(arms), run(arms)
    assert first == second == [1, 2, 3]
    assert first is not second


def test_argument_can_be_made_of_what_the_set_up_returned() -> None:
    """The tear-down takes it as it was."""
    seen: list[object] = []
    arms = arms_of(str.upper, setup=lambda: 255, taken=hex, teardown=seen.append)
    assert run(arms) == "0XFF"
    assert seen == [255]


def fail(*_arguments: object) -> None:
    raise LookupError("no data")


def fail_otherwise(*_arguments: object) -> None:
    raise OSError("busy\nat the moment")


def test_set_up_that_fails_is_named_and_nothing_follows_it() -> None:
    calls: list[str] = []
    arms = arms_of(lambda made: calls.append("program"), setup=fail, teardown=lambda made: calls.append("teardown"))
    with pytest.raises(LookupError) as caught:
        run(arms)
    assert caught.value.__notes__ == ["in setup= of the parallel arm"]
    assert calls == []


def test_tear_down_that_fails_is_named() -> None:
    with pytest.raises(LookupError) as caught:
        run(arms_of(teardown=fail))
    assert caught.value.__notes__ == ["in teardown= of the parallel arm"]


@pytest.mark.parametrize("error", [LookupError, KeyboardInterrupt])
def test_program_that_fails_is_torn_down_all_the_same(error: type[BaseException]) -> None:
    seen: list[object] = []

    def program(made: str) -> None:
        raise error

    with pytest.raises(error):
        run(arms_of(program, setup=lambda: "made", teardown=seen.append))
    assert seen == ["made"]


def test_tear_down_that_fails_after_the_program_did_does_not_hide_why() -> None:
    """The second error is often but an effect of the first."""
    with pytest.raises(LookupError, match="no data") as caught:
        run(arms_of(fail, teardown=fail_otherwise))
    assert caught.value.__notes__ == ["and then OSError in teardown= of the parallel arm: busy"]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "_PUSH_EVERY_S", 0.05)
    monkeypatch.setattr(watchdog, "_guard_exit", lambda: None)


def wait_for_ever(*_arguments: object) -> None:
    threading.Event().wait()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("step", ["setup", "teardown"])
def test_steps_around_a_run_are_stopped_as_well(step: str) -> None:
    with pytest.raises(ArmTimeout, match=f"^{step}= of the parallel arm was stopped") as caught:
        run(arms_of(lambda *_: None, time_limit_s=0.02, **{step: wait_for_ever}))
    assert "in wait_for_ever" in caught.value.stacks


# Event loops ----------------------------------------------------------------------------------------------------------


async def running_loop(*_arguments: object) -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def test_coroutines_of_one_run_share_a_loop() -> None:
    """So that a session which the set-up opens can be used, and closed."""
    loops: list[object] = []

    async def note(made: object) -> None:
        loops.append(asyncio.get_running_loop())

    loops += [run(arms_of(running_loop, setup=running_loop, teardown=note))]
    assert len(set(loops)) == 1
    assert len(loops) == 2


def test_set_up_may_be_a_coroutine_function_and_the_program_a_plain_one() -> None:
    async def make() -> str:
        return "made"

    assert run(arms_of(str.upper, setup=make)) == "MADE"


def test_each_run_has_a_loop_of_its_own_and_it_is_closed() -> None:
    arms = arms_of(running_loop)
    loops = [run(arms) for _ in range(3)]
    assert len(set(loops)) == 3
    assert all(loop.is_closed() for loop in loops)


def test_tasks_that_are_left_in_the_loop_are_cancelled() -> None:
    ends: list[str] = []

    async def linger() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ends.append("cancelled")

    async def program() -> None:
        program.task = asyncio.create_task(linger())  # type: ignore[attr-defined]  # to keep it from being collected
        await asyncio.sleep(0)

    run(arms_of(program))
    assert ends == ["cancelled"]


def made_later() -> Awaitable[asyncio.AbstractEventLoop]:
    return running_loop()


@pytest.fixture
def loops_made(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    made: list[object] = []
    new_loop = asyncio.new_event_loop

    def noted() -> asyncio.AbstractEventLoop:
        made.append(loop := new_loop())
        return loop

    monkeypatch.setattr(asyncio.events, "new_event_loop", noted)
    return made


def test_plain_functions_cost_no_loop(loops_made: list[object]) -> None:
    run(arms_of(int, setup=int, teardown=int))
    assert loops_made == []


@pytest.mark.parametrize("program", [running_loop, made_later])
def test_loop_is_there_before_the_program_is_called_once_it_is_known_to_need_one(
    program: Callable[[], Any], loops_made: list[object]
) -> None:
    """Making it is not what anybody wants to measure."""
    arms = arms_of(program)
    run(arms)
    with arms.ready("parallel") as ready:
        assert len(loops_made) == 2
        ready()
    assert len(loops_made) == 2


@pytest.mark.usefixtures("impatient")
def test_loop_that_cannot_be_closed_is_stopped() -> None:
    """A thread that was started in it and does not end is waited for when it is closed."""
    over = threading.Event()

    async def program() -> None:
        asyncio.get_running_loop().run_in_executor(None, over.wait)

    try:
        with pytest.raises(ArmTimeout, match=r"^the end of the event loop of the parallel arm was stopped") as caught:
            run(arms_of(program, time_limit_s=0.1))
        assert "wait" in caught.value.stacks
    finally:
        over.set()


@pytest.mark.usefixtures("impatient")
def test_program_that_fails_and_leaves_a_loop_that_cannot_be_closed_fails_for_its_own_reason() -> None:
    over = threading.Event()

    async def program() -> None:
        asyncio.get_running_loop().run_in_executor(None, over.wait)
        raise LookupError("no data")

    try:
        with pytest.raises(LookupError, match="no data") as caught:
            run(arms_of(program, time_limit_s=0.1))
        (note,) = caught.value.__notes__
        assert note.startswith("and then ArmTimeout in the end of the event loop of the parallel arm: the end of the")
    finally:
        over.set()


# Inside a running loop ------------------------------------------------------------------------------------------------


def inside(arms: Arms) -> Any:
    """Runs the arm as an ``async def`` test would."""

    async def test() -> Any:
        return run(arms)

    return asyncio.run(test())


def test_plain_function_runs_inside_a_running_loop() -> None:
    assert inside(arms_of(lambda made: made + 1, setup=lambda: 1, teardown=lambda made: None)) == 2


@pytest.mark.parametrize("where", ["program", "setup", "teardown"])
def test_coroutine_inside_a_running_loop_is_refused_with_the_way_to_do_it(where: str) -> None:
    """A coroutine that nobody awaits would warn, and a warning is an error in this test suite."""
    around = {} if where == "program" else {where: running_loop}
    arms = arms_of(running_loop if where == "program" else (lambda *_: None), **around)
    with pytest.raises(
        RuntimeError, match=r"inside a running event loop.*a plain 'def test_…\(cortex_bench\)' and pass"
    ):
        inside(arms)

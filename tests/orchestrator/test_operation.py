"""Operations, their profiles and the register; and what a wrong call is told."""

import math
from typing import Any

import pytest

from orchestrator import (
    CallError,
    Module,
    ModuleContext,
    Operation,
    execute_operation,
    module,
    plan,
    register,
    registry,
)


@module
def fetch(context: ModuleContext) -> None: ...


@module(depends_on=["fetch"])
def parse(context: ModuleContext) -> None: ...


@module(runs_after=["fetch"])
def audit(context: ModuleContext) -> None: ...


@pytest.fixture(autouse=True)
def empty_register(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {})


def test_operation_with_a_broken_graph_can_be_made() -> None:
    """Faults are found by planning, all at once, and not by whoever happens to build the operation."""
    Operation("broken", [fetch, fetch, module(id="x", depends_on=["nowhere", "x"])(fetch.function)])


def test_operation_refuses_a_function_that_was_not_decorated() -> None:
    def bare(context: ModuleContext) -> None: ...

    with pytest.raises(TypeError, match=r"'build' holds .*bare.* decorate it with @module"):
        Operation("build", [bare])  # type: ignore[list-item]  # wrong on purpose


def test_profile_of_one_string_is_refused() -> None:
    with pytest.raises(TypeError, match=r"profile 'quick' must be a list of module ids: write \['fetch'\]"):
        Operation("build", [fetch], profiles={"quick": "fetch"})


def test_standard_profile_is_every_module() -> None:
    assert plan(Operation("build", [fetch, parse, audit])).order == ("fetch", "parse", "audit")


def test_standard_profile_can_be_redefined() -> None:
    assert plan(Operation("build", [fetch, parse, audit], profiles={"standard": ["fetch"]})).order == ("fetch",)


def test_profile_brings_what_its_modules_depend_on() -> None:
    operation = Operation("build", [audit, parse, fetch], profiles={"data": ["parse"]})
    assert plan(operation, "data").order == ("fetch", "parse")


def test_profile_does_not_bring_what_merely_goes_before() -> None:
    operation = Operation("build", [fetch, parse, audit], profiles={"review": ["audit"]})
    assert plan(operation, "review").order == ("audit",)


def test_profile_may_be_empty() -> None:
    assert execute_operation(Operation("build", [fetch], profiles={"none": []}), profile="none").success


def test_unknown_profile_is_refused_with_a_suggestion_and_all_names() -> None:
    operation = Operation("build", [fetch], profiles={"minimal": ["fetch"], "full": []})
    with pytest.raises(CallError) as caught:
        execute_operation(operation, profile="minimum")
    assert str(caught.value) == (
        "operation 'build' has no profile 'minimum'; did you mean 'minimal'? Known profiles: standard, minimal, full."
    )


def test_registered_operation_is_found_by_its_id() -> None:
    register(Operation("build", [fetch]))
    assert execute_operation("build").modules_succeeded == ("fetch",)
    assert plan("build").order == ("fetch",)


def test_register_returns_the_operation() -> None:
    operation = Operation("build", [fetch])
    assert register(operation) is operation


def test_registering_the_same_operation_again_does_no_harm() -> None:
    operation = register(Operation("build", [fetch]))
    assert register(operation) is operation


def test_registering_another_operation_under_a_taken_id_is_refused() -> None:
    first = register(Operation("build", [fetch]))
    with pytest.raises(CallError, match="another operation is registered as 'build'"):
        register(Operation("build", [parse]))
    assert registry.find("build") is first


def test_unknown_operation_is_refused_with_a_suggestion_and_all_names() -> None:
    register(Operation("build", [fetch]))
    register(Operation("audit", [audit]))
    with pytest.raises(CallError) as caught:
        execute_operation("biuld")
    assert "no operation 'biuld' is registered; did you mean 'build'?" in str(caught.value)
    assert "Known operations: audit, build" in str(caught.value)


@pytest.mark.parametrize("workers", [0, -1, 1.5, True, "4", None])
def test_workers_must_be_a_whole_number_from_one_up(workers: Any) -> None:
    with pytest.raises(CallError, match=f"max_parallel_workers must be .* not {workers!r}"):
        execute_operation(Operation("build", [fetch]), max_parallel_workers=workers)


@pytest.mark.parametrize("grace_s", [-1, -math.inf, math.nan])
def test_grace_must_be_a_duration(grace_s: float) -> None:
    with pytest.raises(CallError, match=f"grace_s must be 0 or more seconds, not {grace_s}"):
        execute_operation(Operation("build", [fetch]), grace_s=grace_s)


def test_unknown_failure_policy_is_refused_with_all_names() -> None:
    with pytest.raises(CallError, match=r"on_failure='ignore' is unknown\. Known values: rollback, continue, stop"):
        execute_operation(Operation("build", [fetch]), on_failure="ignore")  # type: ignore[arg-type]  # wrong on purpose


def test_unknown_cycle_policy_is_refused_with_all_names() -> None:
    with pytest.raises(CallError, match=r"on_cycle='break' is unknown\. Known values: fail, isolate, sequential"):
        execute_operation(Operation("build", [fetch]), on_cycle="break")  # type: ignore[arg-type]  # wrong on purpose


def test_wrong_call_is_a_value_error_and_runs_nothing() -> None:
    ran: list[str] = []
    marker: Module = module(id="marker")(lambda _context: ran.append("marker"))
    with pytest.raises(ValueError, match="no profile"):
        execute_operation(Operation("build", [marker]), profile="absent")
    assert ran == []

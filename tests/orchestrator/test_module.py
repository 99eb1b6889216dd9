"""Making modules: what a decorator accepts, what it refuses at once, and what it leaves as it was."""

import functools
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

import pytest

from orchestrator import Module, ModuleContext, Operation, Phase, execute_operation, module


def work(context: ModuleContext) -> None:
    """Does nothing, well."""


async def later(context: ModuleContext) -> None: ...


def test_bare_decorator_takes_name_and_documentation_from_the_function() -> None:
    made = module(work)
    assert isinstance(made, Module)
    assert (made.id, made.__doc__) == ("work", "Does nothing, well.")


def test_fields_have_documented_defaults() -> None:
    made = module(work)
    assert (made.phase, made.priority, made.optional) == (Phase.PROCESSING, 50, False)
    assert (made.depends_on, made.runs_after, made.produces, made.tags) == ((), (), (), ())


def test_one_function_can_be_wrapped_many_times() -> None:
    modules = [module(id=f"work_{number}", priority=number)(work) for number in range(3)]
    assert [(each.id, each.priority) for each in modules] == [("work_0", 0), ("work_1", 1), ("work_2", 2)]


def test_rollback_registers_in_place_and_returns_the_function() -> None:
    made = module(work)

    @made.rollback
    def undo(context: ModuleContext) -> str:
        return "undone"

    assert made.undo is undo


def test_modules_of_one_function_do_not_share_a_rollback() -> None:
    first, second = module(id="first")(work), module(id="second")(work)
    first.rollback(work)
    assert second.undo is None


def test_decorated_function_can_be_called_with_a_plain_mapping() -> None:
    @module
    def double(context: ModuleContext) -> Mapping[str, Any]:
        return {"twice": 2 * context["once"]}

    assert double({"once": 21}) == {"twice": 42}


def test_dependency_listed_twice_counts_once() -> None:
    assert module(depends_on=["a", "b", "a"])(work).depends_on == ("a", "b")


@pytest.mark.parametrize("field", ["depends_on", "runs_after", "produces", "tags"])
def test_lone_string_is_refused_where_a_list_is_wanted(field: str) -> None:
    with pytest.raises(TypeError, match=rf"{field}='fetch' .* write \['fetch'\]"):
        module(**{field: "fetch"})(work)


def test_module_in_place_of_its_id_is_refused() -> None:
    with pytest.raises(TypeError, match="must hold names, not <Module work>; a module's name is its id"):
        module(id="second", depends_on=[module(work)])(work)


@pytest.mark.parametrize("wrong", ["", 7, None])
def test_id_must_be_a_non_empty_string(wrong: object) -> None:
    class Anonymous(Module):
        def __init__(self) -> None:
            super().__init__("" if wrong is None else wrong)  # type: ignore[arg-type]  # wrong on purpose

    with pytest.raises(TypeError, match="id must be a non-empty string"):
        Anonymous()


def nothing() -> None: ...


def two(first: object, second: object) -> None: ...


def keyword_only(*, context: object) -> None: ...


@pytest.mark.parametrize("function", [nothing, two, keyword_only])
def test_function_must_take_one_argument(function: Callable[..., None]) -> None:
    with pytest.raises(TypeError, match=f"'{function.__name__}' must take one argument, the context"):
        module(function)


def test_what_is_no_function_is_refused() -> None:
    with pytest.raises(TypeError, match="'x' must be a function, not 42"):
        module(id="x")(42)  # type: ignore[arg-type]  # wrong on purpose


def one_and_more(context: object, more: int = 1) -> None: ...


def any_number(*contexts: object) -> None: ...


@pytest.mark.parametrize("function", [one_and_more, any_number, print])
def test_function_may_take_more_if_it_need_not(function: Callable[..., None]) -> None:
    assert module(id="lenient")(function).id == "lenient"


def test_function_without_a_name_needs_an_id() -> None:
    nameless = functools.partial(two, "first")
    with pytest.raises(TypeError, match=r"no name to serve as an id: give one, e.g. module\(id=...\)"):
        module(nameless)
    assert module(id="named")(nameless).id == "named"


def test_async_function_is_refused() -> None:
    with pytest.raises(TypeError, match="'later' is a coroutine function"):
        module(later)  # type: ignore[arg-type]  # wrong on purpose


def test_async_rollback_is_refused() -> None:
    with pytest.raises(TypeError, match=r"'work\.rollback' is a coroutine function"):
        module(work).rollback(later)


@pytest.mark.parametrize("field", ["condition", "check"])
def test_async_condition_or_check_is_refused(field: str) -> None:
    """A coroutine is true, so an async condition would never skip anything."""
    with pytest.raises(TypeError, match=rf"'work\.{field}' is a coroutine function"):
        module(**{field: later})(work)


@pytest.mark.parametrize("method", ["run", "rollback", "condition", "check"])
def test_subclass_with_an_async_method_is_refused_where_it_is_defined(method: str) -> None:
    with pytest.raises(TypeError, match=rf"'Late\.{method}' is a coroutine function"):
        type("Late", (Module,), {method: later})


@pytest.mark.parametrize("made_by", ["generator", "async generator"])
def test_generator_fails_its_module_since_it_would_never_run(made_by: str) -> None:
    def generator(context: ModuleContext) -> Iterator[int]:
        yield 1

    async def async_generator(context: ModuleContext) -> AsyncIterator[int]:
        yield 1

    function: Any = generator if made_by == "generator" else async_generator
    report = execute_operation(Operation("lazy", [module(id="lazy")(function)]))
    assert "return a mapping of names to values, or None" in str(report.errors[0])


def test_unknown_phase_is_refused() -> None:
    with pytest.raises(ValueError, match="99 is not a valid Phase"):
        module(phase=99)(work)


def test_unknown_field_is_refused() -> None:
    with pytest.raises(TypeError, match="dependson"):
        module(dependson=["a"])(work)


class Brew(Module):
    """A module as a class: it overrides what it needs."""

    def __init__(self, cups: int, **fields: Any) -> None:
        super().__init__(**fields)
        self.cups = cups

    def run(self, context: ModuleContext) -> Mapping[str, Any]:
        return {"cups": self.cups}


class GuardedBrew(Brew):
    def condition(self, context: ModuleContext) -> bool:
        return self.cups > 0

    def rollback(self, context: ModuleContext) -> None:
        self.cups = 0


def test_subclass_is_named_after_its_class() -> None:
    assert Brew(2).id == "Brew"


def test_subclass_runs_like_any_module() -> None:
    assert execute_operation(Operation("kitchen", [Brew(2)])).context == {"cups": 2}


def test_subclass_without_rollback_has_nothing_to_undo() -> None:
    assert Brew(2).undo is None


def test_subclass_rollback_is_its_method() -> None:
    made = GuardedBrew(2)
    assert made.undo == made.rollback


def test_module_is_guarded_only_if_there_is_something_to_ask() -> None:
    assert not Brew(2).guarded
    assert GuardedBrew(2).guarded
    assert module(condition=bool)(work).guarded
    assert module(check=lambda _context: [])(work).guarded


def test_module_that_overrides_nothing_fails_when_it_runs() -> None:
    report = execute_operation(Operation("idle", [Module("idle")]))
    assert "nothing to run: override run()" in str(report.errors[0])


def test_phases_are_in_the_documented_order() -> None:
    assert [phase.name for phase in sorted(Phase)] == [
        "PRE_VALIDATION",
        "PREPARATION",
        "ENVIRONMENT",
        "DEPENDENCIES",
        "PROCESSING",
        "FEATURES",
        "VALIDATION",
        "FINALIZATION",
    ]


def test_module_takes_fields_beside_the_function_too() -> None:
    """``module(f, id="a")`` is what one tries in a loop; the fields must not get lost."""
    made = module(lambda _context: None, id="a", optional=True)
    assert (made.id, made.optional) == ("a", True)

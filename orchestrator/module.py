"""Modules: the units of work of an operation, and the phases they belong to."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum
from typing import TYPE_CHECKING, Any, TypeAlias, overload

if TYPE_CHECKING:
    from orchestrator.context import ModuleContext

Data: TypeAlias = Mapping[str, Any] | None
Run: TypeAlias = "Callable[[ModuleContext], Data]"
Rollback: TypeAlias = "Callable[[ModuleContext], object]"
Condition: TypeAlias = "Callable[[ModuleContext], object]"
Check: TypeAlias = "Callable[[ModuleContext], Iterable[str] | None]"
Reducer: TypeAlias = Callable[[Any, Any], Any]


class Phase(IntEnum):
    """Ordered stages of an operation: all modules of one finish before any of the next starts."""

    PRE_VALIDATION = 0
    PREPARATION = 1
    ENVIRONMENT = 2
    DEPENDENCIES = 3
    PROCESSING = 4
    FEATURES = 5
    VALIDATION = 6
    FINALIZATION = 7


def is_name(value: object) -> bool:
    """True for what may be an id: a string with something in it."""
    return isinstance(value, str) and bool(value)


def _check_signature(name: str, function: Callable[..., object]) -> None:
    """Refuses what could only fail later, in a worker: no callable, a coroutine function, a wrong signature."""
    if not callable(function):
        raise TypeError(f"{name!r} must be a function, not {function!r}")
    _refuse_coroutine(name, function)
    try:
        inspect.signature(function).bind(None)
    except TypeError as error:
        raise TypeError(f"{name!r} must take one argument, the context: {error}") from error
    except ValueError:  # a callable of C that does not tell its signature
        return


def _refuse_coroutine(name: str, function: object) -> None:
    """Refuses what would return a coroutine that nobody awaits; as a condition it would even count as true."""
    if inspect.iscoroutinefunction(function):
        raise TypeError(
            f"{name!r} is a coroutine function, which a worker thread cannot run by itself: "
            "wrap a plain function that calls asyncio.run(...)"
        )


class Module:
    """One unit of work; subclass it and override ``run``, or wrap a function with ``@module``.

    Args:
        id: Name of the module within its operation; by default the name of the class.
        phase: Stage of the operation.
        priority: Among modules that are equally urgent, the lower goes first.
        depends_on: Ids of modules that must have succeeded before.
        runs_after: Ids of modules that must have ended before, however they ended.
        optional: True if the operation goes on when this module fails.
        condition: Called with the context; the module is skipped if it returns something false.
        check: Called with the context; returns problems, and the module fails, unentered, if there is one.
        produces: Keys that the module promises to write; two unordered producers of one are a plan error.
        merge: A reducer ``f(old, new) -> value`` per key that several unordered modules may write.
        tags: Free labels.

    Raises:
        TypeError: If a field has the wrong type, e.g. one string where a list of ids is wanted.
    """

    def __init__(
        self,
        id: str | None = None,  # noqa: A002 - the name users see; it shadows the builtin in this scope only
        *,
        phase: Phase = Phase.PROCESSING,
        priority: int = 50,
        depends_on: Iterable[str] = (),
        runs_after: Iterable[str] = (),
        optional: bool = False,
        condition: Condition | None = None,
        check: Check | None = None,
        produces: Iterable[str] = (),
        merge: Mapping[str, Reducer] | None = None,
        tags: Iterable[str] = (),
    ) -> None:
        self.id: str = type(self).__name__ if id is None else id
        if not is_name(self.id):
            raise TypeError(f"a module's id must be a non-empty string, not {id!r}")
        self.phase = Phase(phase)
        self.priority = priority
        self.depends_on = self._names("depends_on", depends_on)
        self.runs_after = self._names("runs_after", runs_after)
        self.optional = optional
        self.produces = self._names("produces", produces)
        self.merge: Mapping[str, Reducer] = dict(merge or {})
        self.tags = self._names("tags", tags)
        for field, function in (("condition", condition), ("check", check)):
            if function is not None:
                _check_signature(f"{self.id}.{field}", function)
        self._condition = condition
        self._check = check

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        for method in ("run", "rollback", "condition", "check"):
            _refuse_coroutine(f"{cls.__name__}.{method}", getattr(cls, method))

    def _names(self, field: str, given: Iterable[str]) -> tuple[str, ...]:
        """Returns *given* without repetitions, in order; a lone string is surely a forgotten list."""
        if isinstance(given, str):
            raise TypeError(f"{field}={given!r} of module {self.id!r} must be a list of names: write [{given!r}]")
        names = tuple(dict.fromkeys(given))
        for name in names:
            if not is_name(name):
                raise TypeError(
                    f"{field} of module {self.id!r} must hold names, not {name!r}; a module's name is its id"
                )
        return names

    def run(self, context: ModuleContext) -> Data:  # noqa: ARG002 - the signature that subclasses override
        """Does the work; what it returns becomes visible to dependents."""
        raise TypeError(f"module {self.id!r} has nothing to run: override run() or wrap a function with @module")

    def rollback(self, context: ModuleContext) -> object:
        """Undoes what ``run`` did, also half of it; by default there is nothing to undo."""

    def condition(self, context: ModuleContext) -> object:
        """Says whether the module is wanted this time."""
        return True if self._condition is None else self._condition(context)

    def check(self, context: ModuleContext) -> Iterable[str] | None:
        """Returns what is missing for the module to run; nothing or an empty list if all is well."""
        return () if self._check is None else self._check(context)

    @property
    def undo(self) -> Rollback | None:
        """What rolls this module back, None if nothing was defined."""
        return None if type(self).rollback is Module.rollback else self.rollback

    @property
    def guarded(self) -> bool:
        """True if a condition or a check has to be asked before the module may run."""
        return (
            self._condition is not None
            or self._check is not None
            or type(self).condition is not Module.condition
            or type(self).check is not Module.check
        )

    def __repr__(self) -> str:
        return f"<Module {self.id}>"


class FunctionModule(Module):
    """A function as a module; what ``@module`` makes.

    Raises:
        TypeError: If *function* is a coroutine function or does not take one argument.
    """

    def __init__(self, function: Run, id: str | None = None, **fields: Any) -> None:  # noqa: A002 - as in Module
        if id is None and not hasattr(function, "__name__"):
            raise TypeError(f"{function!r} has no name to serve as an id: give one, e.g. module(id=...)")
        super().__init__(function.__name__ if id is None else id, **fields)
        _check_signature(self.id, function)
        self.function = function
        self._rollback: Rollback | None = None
        # Called once per run of the module, so the detour through a method is spared.
        self.run = function  # type: ignore[method-assign, assignment]  # an instance attribute shadows the method on purpose
        functools.update_wrapper(self, function, updated=())

    def __call__(self, context: Mapping[str, Any]) -> Data:
        """Calls the function itself, e.g. in a unit test, with any mapping as its context."""
        return self.function(context)  # type: ignore[arg-type]  # a test's plain dict stands in for the context

    def rollback(self, function: Rollback) -> Rollback:  # type: ignore[override]  # here it is the decorator @m.rollback
        """Registers *function* as what undoes this module, and returns it."""
        _check_signature(f"{self.id}.rollback", function)
        self._rollback = function
        return function

    @property
    def undo(self) -> Rollback | None:
        """The function registered with ``@m.rollback``."""
        return self._rollback


@overload
def module(function: Run, /, **fields: Any) -> FunctionModule: ...
@overload
def module(**fields: Any) -> Callable[[Run], FunctionModule]: ...
def module(function: Run | None = None, /, **fields: Any) -> FunctionModule | Callable[[Run], FunctionModule]:
    """Turns a function of the context into a ``Module``, as ``@module`` or ``@module(phase=..., ...)``.

    Args:
        function: Takes the context; returns a mapping or None.
        fields: The fields of ``Module``.  Without an *id*, the function's name is used.
    """
    if function is not None:
        return FunctionModule(function, **fields)
    return lambda function: FunctionModule(function, **fields)

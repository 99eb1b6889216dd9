"""Operations: named sets of modules with profiles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from orchestrator.errors import CallError, suggestion
from orchestrator.module import Module

if TYPE_CHECKING:
    from orchestrator.graph import Compilation

STANDARD = "standard"


class Operation:
    """A named set of modules.  Faults of the graph are found by ``plan``, not here.

    Args:
        id: Name of the operation.
        modules: Its modules, in declaration order.
        profiles: Per profile, the ids of the modules wanted; what these depend on comes along.
            ``"standard"`` is all modules unless it is given here.

    Raises:
        TypeError: If *modules* holds something that is no ``Module``, or a profile is one string.
    """

    def __init__(
        self,
        id: str,  # noqa: A002 - the name users see; it shadows the builtin in this scope only
        modules: Iterable[Module],
        *,
        profiles: Mapping[str, Iterable[str]] | None = None,
    ) -> None:
        self.id = id
        self.modules = tuple(modules)
        for each in self.modules:
            if not isinstance(each, Module):
                raise TypeError(f"operation {id!r} holds {each!r}, which is no module: decorate it with @module")
        self.profiles: dict[str, tuple[str, ...]] = {}
        for name, wanted in (profiles or {}).items():
            if isinstance(wanted, str):
                raise TypeError(f"profile {name!r} must be a list of module ids: write [{wanted!r}]")
            self.profiles[name] = tuple(wanted)
        # Compiled graphs by (profile, on_cycle).  Modules and profiles never change, so neither do these.
        self._compiled: dict[tuple[str, str], Compilation] = {}

    @property
    def profile_names(self) -> tuple[str, ...]:
        """Every profile that can be asked for."""
        return tuple(dict.fromkeys([STANDARD, *self.profiles]))

    def wanted(self, profile: str) -> tuple[str, ...] | None:
        """Returns the ids that *profile* names, None for all modules.

        Raises:
            CallError: If there is no such profile.
        """
        if profile in self.profiles:
            return self.profiles[profile]
        if profile == STANDARD:
            return None
        raise CallError(
            f"operation {self.id!r} has no profile {profile!r}{suggestion(str(profile), self.profile_names)} "
            f"Known profiles: {', '.join(self.profile_names)}."
        )

    def __repr__(self) -> str:
        return f"<Operation {self.id}: {len(self.modules)} modules>"

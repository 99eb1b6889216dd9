"""What modules know of each other's work.

The ``Ledger`` holds what has been committed; a ``ModuleContext`` is one module's read-only view of it: the initial
context and what its ancestors committed, never anything else, so that it depends on the graph and not on timing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from orchestrator.ancestry import Writers
from orchestrator.errors import ContextConflict, OperationCancelled

if TYPE_CHECKING:
    from orchestrator.graph import Graph

_NOTHING: Any = object()


class Ledger:
    """All data committed in one run.

    ``commit`` is called by one thread at a time.  Reading needs no lock: entries are only ever appended, and an
    entry that is still being added belongs to no ancestor of the reader.

    Args:
        graph: The graph that runs.
        initial: The context the caller gave.
    """

    def __init__(self, graph: Graph, initial: Mapping[str, Any]) -> None:
        self._graph = graph
        self._initial = dict(initial)
        self._entries: dict[str, list[tuple[int, Any]]] = {}  # per key, (node, value) in the order of commits
        self._writers: dict[str, Writers] = {}

    def commit(self, node: int, data: Mapping[str, Any]) -> None:
        """Makes all of *data* visible to what comes after *node*, or none of it.

        Raises:
            ContextConflict: If a module that is not ordered with this one wrote one of the keys.
        """
        merge = self._graph.modules[node].merge
        for key in data:
            writers = self._writers.get(key)
            rival = None if writers is None else writers.clash(node, self._graph.ancestry, reduces=key in merge)
            if rival is not None:
                raise ContextConflict(key, (self._graph.modules[rival].id, self._graph.modules[node].id))
        for key, value in data.items():
            self._writers.setdefault(key, Writers()).add(node, reduces=key in merge)
            self._entries.setdefault(key, []).append((node, value))

    def value(self, key: str, node: int, *, own: bool = False) -> Any:
        """Returns what *node* sees under *key*, with *own* also what it wrote itself.

        Raises:
            KeyError: If it sees nothing; the message says who wrote it, if anybody did.
        """
        value = self._folded(key, self._sight(node, own=own))
        if value is _NOTHING:
            raise KeyError(self._why_missing(key, node))
        return value

    def holds(self, key: object, node: int, *, own: bool = False) -> bool:
        """True if *node* sees something under *key*; no reducer is called for that."""
        sees = self._sight(node, own=own)
        return key in self._initial or any(sees(writer) for writer, _value in self._entries.get(key, ()))  # type: ignore[call-overload]  # any key may be asked for

    def _sight(self, node: int, *, own: bool) -> Callable[[int], bool]:
        """Returns the question whether *node* sees what a writer wrote."""
        past = self._graph.ancestry.past(node)
        return lambda writer: writer in past or (own and writer == node)

    def final(self) -> dict[str, Any]:
        """Everything that was committed, over the initial context."""
        written = {key: self._folded(key, lambda _writer: True) for key in sorted(self._entries, key=str)}
        return {**self._initial, **written}

    def known_keys(self) -> list[str]:
        """Every key there is, whoever may see it; sorted where chance would decide the order."""
        written = [key for key in list(self._entries) if key not in self._initial]  # list(): others may be committing
        return [*self._initial, *sorted(written, key=str)]

    def _folded(self, key: str, sees: Callable[[int], bool]) -> Any:
        """The visible value: the last plain write, and what came after it reduced in the order of nodes.

        Backwards, since the last plain write hides all before it.
        """
        merged: list[tuple[int, Any]] = []
        value = self._initial.get(key, _NOTHING)
        for node, written in reversed(self._entries.get(key, ())):
            if sees(node):
                if key not in self._graph.modules[node].merge:
                    value = written
                    break
                merged.append((node, written))
        for node, written in sorted(merged, key=lambda entry: self._rank(entry[0])):
            value = written if value is _NOTHING else self._graph.modules[node].merge[key](value, written)
        return value

    def _rank(self, node: int) -> tuple[int, int, int]:
        """Place in ``graph.order``, without building the whole inverse."""
        return self._graph.stage[node], self._graph.depth[node], node

    def _why_missing(self, key: str, node: int) -> str:
        reader = self._graph.modules[node].id
        writers = [self._graph.modules[writer].id for writer, _value in self._entries.get(key, ())]
        if not writers:
            return f"{key!r}: neither the initial context nor an ancestor of module {reader!r} holds it"
        return f"{key!r} is written by {writers[0]!r}, which module {reader!r} does not depend on: add it to depends_on"


class ModuleContext(Mapping[str, Any]):
    """What one module sees: a read-only mapping, and the word whether to go on.

    Values are shared, not copied: treat them as read-only too.
    """

    __slots__ = ("_ledger", "_node", "_own", "_stop")

    def __init__(self, ledger: Ledger, node: int, stop: threading.Event, *, own: bool = False) -> None:
        self._ledger = ledger
        self._node = node
        self._stop = stop
        self._own = own

    def __getitem__(self, key: str) -> Any:
        return self._ledger.value(key, self._node, own=self._own)

    def __contains__(self, key: object) -> bool:
        return self._ledger.holds(key, self._node, own=self._own)

    def __iter__(self) -> Iterator[str]:
        return (key for key in self._ledger.known_keys() if key in self)

    def __len__(self) -> int:
        return sum(1 for _key in self)

    def __repr__(self) -> str:
        return f"ModuleContext({dict(self)!r})"

    @property
    def cancelled(self) -> bool:
        """True once the operation is being stopped: another module failed, or Ctrl-C."""
        return self._stop.is_set()

    def check_cancelled(self) -> None:
        """Does nothing while all is well.

        Raises:
            OperationCancelled: If the operation is being stopped.
        """
        if self._stop.is_set():
            raise OperationCancelled("the operation is being stopped")

    def sleep(self, seconds: float) -> None:
        """Waits, but no longer than the operation wants to go on.

        Raises:
            OperationCancelled: If the operation is being stopped, at once.
        """
        self._stop.wait(seconds)
        self.check_cancelled()

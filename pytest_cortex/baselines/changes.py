"""What became worse in a graph since its baseline: longer chains, new modules, slower ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from graphlib import TopologicalSorter
from itertools import chain, pairwise

from pytest_cortex.baselines.entry import BaselineEntry
from pytest_cortex.wording import MOST_NAMED, listed

# What a gate forgives by default is not worth a sentence either.
_FORGIVEN = 0.02
_MUCH_SLOWER = 1.2


def changes(entry: BaselineEntry, new_entry: BaselineEntry) -> tuple[str, ...]:
    """Returns what became worse in the graph since the baseline, a sentence each; nothing where there is no graph.

    Args:
        entry: The baseline.
        new_entry: The same measurement now.
    """
    graphs = entry.durations and new_entry.durations
    about_modules = (_longer_path, _new_modules, _slower_modules) if graphs else ()
    return tuple(sentence for look in (*about_modules, _lower_ceiling) for sentence in look(entry, new_entry))


def _longer_path(old: BaselineEntry, new: BaselineEntry) -> Iterator[str]:
    """What new dependencies between old modules cost, in the times of now: slower modules are another matter."""
    before = set(old.dependencies)
    added = [each for each in new.dependencies if each not in before and old.durations.keys() >= set(each)]
    gone = set(added)
    kept = tuple(each for each in new.dependencies if each not in gone)
    without_s = _span_s(replace(new, dependencies=kept))
    longer_s = _span_s(new) - without_s
    if longer_s <= _FORGIVEN * without_s:
        return
    path = {(module, dependency) for dependency, module in pairwise(new.critical_path)}
    # Equally long paths may share the blame, and then none of the dependencies need lie on the one that was recorded.
    blamed = [each for each in added if each in path] or added
    because = listed([f"{module!r} now depends on {dependency!r}" for module, dependency in blamed])
    yield f"the critical path is {longer_s:.3g} s ({100 * longer_s / without_s:.0f} %) longer because {because}"


def _span_s(entry: BaselineEntry) -> float:
    """The critical path in seconds: phases one after another, in each the longest chain."""
    # A module that was skipped has no duration, yet passes on what it waited for.
    modules = dict.fromkeys([*entry.durations, *chain.from_iterable(entry.dependencies)])
    phase_of = {module: entry.phases.get(module, 0) for module in modules}
    waits_for: dict[str, list[str]] = {module: [] for module in modules}
    for module, dependency in entry.dependencies:
        if phase_of[module] == phase_of[dependency]:
            waits_for[module].append(dependency)
    finish_s: dict[str, float] = {}
    longest_s: defaultdict[int, float] = defaultdict(float)
    for module in TopologicalSorter(waits_for).static_order():
        before_s = max((finish_s[each] for each in waits_for[module]), default=0.0)
        finish_s[module] = before_s + entry.durations.get(module, 0.0)
        longest_s[phase_of[module]] = max(longest_s[phase_of[module]], finish_s[module])
    return sum(longest_s.values())


def _new_modules(old: BaselineEntry, new: BaselineEntry) -> Iterator[str]:
    added = [module for module in new.durations if module not in old.durations]
    if added:
        work_s = sum(new.durations[module] for module in added)
        count = "1 module is" if len(added) == 1 else f"{len(added)} modules are"
        yield f"{count} new, {work_s:.3g} s of work: {listed([repr(module) for module in added])}"


def _slower_modules(old: BaselineEntry, new: BaselineEntry) -> Iterator[str]:
    factors = {
        module: new.durations[module] / old_s
        for module, old_s in old.durations.items()
        if old_s > 0 and new.durations.get(module, 0.0) >= _MUCH_SLOWER * old_s
    }
    # By the time lost, because ten times nothing is nothing.
    slowest = sorted(factors, key=lambda module: (old.durations[module] - new.durations[module], module))
    for module in slowest[:MOST_NAMED]:
        times_s = f"{new.durations[module]:.3g} s instead of {old.durations[module]:.3g} s"
        yield f"module {module!r} takes {factors[module]:.2g} times as long as before, {times_s}"


def _lower_ceiling(old: BaselineEntry, new: BaselineEntry) -> Iterator[str]:
    if old.ceiling is not None and new.ceiling is not None and new.ceiling < old.ceiling * (1 - _FORGIVEN):
        yield f"the most speedup that the graph allows went down from {old.ceiling:.2f} to {new.ceiling:.2f}"

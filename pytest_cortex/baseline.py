"""What an earlier run measured on a machine like this one: kept in files, and what it takes to be slower than it.

A baseline is uncertain too.  So its rounds do not stand for its speedup by their median, but by the speedup that they
prove: a gate at that limit, with half of alpha for either side, wrongly fails an unchanged program with probability
alpha at most::

    gate = Gate(min_speedup=baseline_limit(entry, alpha=alpha / 2), alpha=alpha / 2)
"""

from __future__ import annotations

import hashlib
import json
import math
import platform
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from graphlib import TopologicalSorter
from itertools import chain, pairwise
from numbers import Real
from pathlib import Path
from typing import Any, TypeVar

from pytest_cortex.evidence import boundary, smallest_horizon
from pytest_cortex.reporting.files import write_atomically

T = TypeVar("T")

SCHEMA_VERSION = 1
LATEST = "latest"

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_CPU_INFO = Path("/proc/cpuinfo")

# A file meant for version control should stay readable: of larger graphs only the numbers of the whole are kept.
_MOST_MODULES = 2_000
_MOST_NAMED = 3
# What a gate forgives by default is not worth a sentence either.
_FORGIVEN = 0.02
_MUCH_SLOWER = 1.2


class BaselineError(ValueError):
    """A file that is no usable baseline, or cannot be written.

    Attributes:
        path: The file.
        problem: What is wrong with it, and what to do.
    """

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        return f"baseline file '{self.path}': {self.problem}"


class TooFewRounds(ValueError):
    """A baseline of so few rounds that they prove nothing.

    Attributes:
        rounds: How many there are.
        least: How many equal signs it takes at least.
    """

    def __init__(self, rounds: int, least: int) -> None:
        super().__init__(rounds, least)
        self.rounds = rounds
        self.least = least

    def __str__(self) -> str:
        return (
            f"the baseline was saved from only {self.rounds} rounds, and fewer than {self.least} prove nothing: "
            "save it again with --cortex-save"
        )


# Machines -------------------------------------------------------------------------------------------------------------


def cpu_model(info: Path = _CPU_INFO) -> str:
    """Returns the processor's name as the system tells it.

    Args:
        info: Where Linux describes its processors.
    """
    with suppress(OSError):
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            label, _colon, name = line.partition(":")
            if label.strip() == "model name":
                return name.strip()
    return platform.processor() or "unknown CPU"


def speed_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the facts that decide how fast a program is here: neither the load nor a patch version is among them.

    Args:
        facts: As ``machine.facts()`` gives them, or an earlier result; a ``cpu_model`` in it is believed.
    """
    return {
        "cpu_model": facts.get("cpu_model") or cpu_model(),
        "usable_cpus": float(facts["usable_cpus"]),
        "system": facts["system"],
        "machine": facts["machine"],
        "implementation": facts["implementation"],
        "python": ".".join(facts["python"].split(".")[:2]),
        "gil": facts["gil"],
    }


def fingerprint(facts: Mapping[str, Any]) -> str:
    """Returns twelve hexadecimal digits that are equal for machines with equal :func:`speed_facts`."""
    text = json.dumps(speed_facts(facts), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def describe(facts: Mapping[str, Any]) -> str:
    """Returns what the fingerprint stands for, for people."""
    known = speed_facts(facts)
    interpreter = f"{known['implementation']} {known['python']}{'' if known['gil'] else ' without GIL'}"
    cpus = f"{known['usable_cpus']:g} usable CPUs"
    return f"{known['cpu_model']}, {cpus}, {known['system']} {known['machine']}, {interpreter}"


# Entries --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Key:
    """Which measurement an entry is of.

    Attributes:
        test: The pytest node id.
        name: The measurement's name within the test.
        workers: P, the workers the parallel arm was allowed.
    """

    test: str
    name: str
    workers: int

    def __str__(self) -> str:
        return f"{self.test} ({self.name}, workers={self.workers})"


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineEntry:
    """One measurement, as far as a later one is held against it.

    Attributes:
        test: The pytest node id.
        name: The measurement's name within the test.
        workers: P, the workers the parallel arm was allowed.
        horizon: Counted rounds after which measuring would have ended; it makes up for ending earlier.
        ratios: ``(n_rounds,)`` sequential / parallel of the counted rounds.
        speedup: Their median.
        speedup_low: Lower end of its interval, None if there were too few rounds for one.
        speedup_high: Upper end of the interval.
        sequential_s: Median wall seconds of the sequential arm.
        parallel_s: Median wall seconds of the parallel arm.
        modelled_ratios: The same as *ratios* for the modelled speedup; empty where nothing was modelled.
        ceiling: The most speedup the graph allowed on P workers, None where there was no graph.
        critical_path: Ids of the modules on the longest dependency chain.
        durations: Seconds per module id; empty where there was no graph, or too large a one to keep.
        dependencies: Pairs (module, the module it depends on).
        phases: The number of each module's phase; only their order counts.  A module without is in phase 0.

    Raises:
        ValueError: If a ratio is not a finite number above 0, or *horizon* is below 1 or the number of ratios.
    """

    test: str
    name: str
    workers: int
    horizon: int
    ratios: tuple[float, ...]
    speedup: float
    speedup_low: float | None
    speedup_high: float | None
    sequential_s: float
    parallel_s: float
    modelled_ratios: tuple[float, ...] = ()
    ceiling: float | None = None
    critical_path: tuple[str, ...] = ()
    durations: Mapping[str, float] = field(default_factory=dict)
    dependencies: tuple[tuple[str, str], ...] = ()
    phases: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for ratios in (self.ratios, self.modelled_ratios):
            wrong = next((ratio for ratio in ratios if not 0 < ratio < math.inf), None)
            if wrong is not None:
                raise ValueError(f"a ratio must be a finite number above 0, got {wrong!r}")
            if self.horizon < max(1, len(ratios)):
                raise ValueError(f"a horizon of {self.horizon} cannot hold {len(ratios)} rounds; give the rounds' own")

    @property
    def key(self) -> Key:
        """Which measurement this is."""
        return Key(test=self.test, name=self.name, workers=self.workers)

    def to_json(self) -> dict[str, Any]:
        """Returns the entry as plain dicts, lists, strings, numbers and None."""
        return {each.name: _plain(getattr(self, each.name)) for each in fields(self)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> BaselineEntry:
        """Returns the entry that :meth:`to_json` made *document* of.

        Raises:
            ValueError: If a field is missing or holds what it never holds.
        """
        missing = _READ.keys() - _of(dict, document).keys()
        if missing:
            raise ValueError(f"a measurement lacks the field {min(missing)!r}")
        return cls(**{name: read(document[name]) for name, read in _READ.items()})


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return dict(value) if isinstance(value, Mapping) else value


def _of(kind: type[T], value: Any) -> T:
    # True is a number to Python, and never one here.
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{value!r:.60} stands where a {kind.__name__} should")  # noqa: TRY004 - the file is wrong
    return value


def _text(value: Any) -> str:
    return _of(str, value)


def _count(value: Any) -> int:
    return _of(int, value)


def _number(value: Any) -> float:
    number = float(_of(Real, value))  # type: ignore[type-abstract]  # whole numbers come as int
    if not math.isfinite(number):
        raise ValueError(f"{number!r} stands where a finite number should")
    return number


def _number_or_none(value: Any) -> float | None:
    return None if value is None else _number(value)


def _numbers(value: Any) -> tuple[float, ...]:
    return tuple(map(_number, _of(list, value)))


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(_text, _of(list, value)))


def _pairs(value: Any) -> tuple[tuple[str, str], ...]:
    return tuple((module, dependency) for module, dependency in map(_texts, _of(list, value)))


_READ: Mapping[str, Callable[[Any], Any]] = {
    "test": _text,
    "name": _text,
    "workers": _count,
    "horizon": _count,
    "ratios": _numbers,
    "speedup": _number,
    "speedup_low": _number_or_none,
    "speedup_high": _number_or_none,
    "sequential_s": _number,
    "parallel_s": _number,
    "modelled_ratios": _numbers,
    "ceiling": _number_or_none,
    "critical_path": _texts,
    "durations": lambda value: {module: _number(each) for module, each in _of(dict, value).items()},
    "dependencies": _pairs,
    "phases": lambda value: {module: _count(each) for module, each in _of(dict, value).items()},
}


# Files ----------------------------------------------------------------------------------------------------------------


def baseline_name(word: str) -> str:
    """Returns *word* if it can be the name of a baseline.

    Raises:
        ValueError: If it cannot be a file's name everywhere, or stands for the latest baseline.
    """
    if not _NAME.fullmatch(word):
        raise ValueError(
            f"{word!r} is no name for a baseline; up to 100 letters, digits and - _ . are wanted, no . or - in front"
        )
    if word == LATEST:
        raise ValueError(f"{word!r} stands for the baseline saved last; give another name, e.g. 'main'")
    return word


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What was saved under one name on one kind of machine.

    Attributes:
        name: The name, which is that of its file.
        created_at: ISO 8601, when it was last saved.
        machine: The :func:`speed_facts` of the machine.
        entries: By measurement.
    """

    name: str
    created_at: str
    machine: Mapping[str, Any]
    entries: Mapping[Key, BaselineEntry]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoBaseline:
    """There is nothing to compare with.

    Attributes:
        reason: What was looked for, what there is instead, and what to do.
    """

    reason: str


class BaselineStore:
    """The baselines of a project: ``<fingerprint>/<name>.json``, made to be kept in version control.

    Args:
        folder: Where they are; made when the first one is saved.
        facts: This machine, as ``machine.facts()`` tells it.
    """

    def __init__(self, folder: Path, facts: Mapping[str, Any]) -> None:
        self._folder = folder
        self._machine = speed_facts(facts)
        self._here = folder / fingerprint(self._machine)

    def save(self, name: str, entries: Iterable[BaselineEntry], *, created_at: str) -> Path:
        """Accepts *entries* as the baseline *name* of this machine; what they do not measure stays as it was.

        Args:
            name: See :func:`baseline_name`.
            entries: What was measured.
            created_at: ISO 8601, when.

        Returns:
            The file.

        Raises:
            ValueError: If *name* is no name, *created_at* no time, or a number not finite.
            BaselineError: If the file that is there is no baseline, or it cannot be written.
        """
        path = self._here / f"{baseline_name(name)}.json"
        _moment(created_at)
        kept = _read(path).entries if path.exists() else {}
        entries_by_key = {**kept, **{entry.key: _without_large_graph(entry) for entry in entries}}
        document = {
            "schema": SCHEMA_VERSION,
            "created_at": created_at,
            "machine": self._machine,
            "measurements": [entries_by_key[key].to_json() for key in sorted(entries_by_key)],
        }
        _write(path, json.dumps(document, indent=1, sort_keys=True, allow_nan=False) + "\n")
        return path

    def open(self, name: str) -> Baseline | NoBaseline:
        """Returns the baseline *name* of this machine, ``"latest"`` for the one saved last.

        Raises:
            ValueError: If *name* is no name.
            BaselineError: If the file is no baseline; for the latest, if any file of this machine is none.
        """
        paths = _files(self._here)
        if name == LATEST:
            saved = [_read(path) for path in paths]
            newest = max(saved, key=lambda each: (_moment(each.created_at), each.name), default=None)
            return newest or self._nothing(name)
        path = self._here / f"{baseline_name(name)}.json"
        return _read(path) if path in paths else self._nothing(name)

    def find(self, name: str, key: Key) -> BaselineEntry | NoBaseline:
        """Returns what the baseline *name* of this machine holds of one measurement; raises as :meth:`open` does."""
        baseline = self.open(name)
        if isinstance(baseline, NoBaseline):
            return baseline
        return baseline.entries.get(key) or self._not_in(baseline, key)

    def _nothing(self, name: str) -> NoBaseline:
        what, save = ("", "") if name == LATEST else (f" {name!r}", f"={name}")
        here = [repr(path.stem) for path in _files(self._here)]
        elsewhere = {_machine_of(path) for path in _files(self._folder / "*") if name in {LATEST, path.stem}}
        parts = [
            f"no baseline{what} was saved on a machine like this one ({describe(self._machine)})",
            *([f"there is {_listed(here)}"] if here else []),
            *([f"there is one of {_listed(sorted(elsewhere))}"] if elsewhere else []),
            f"save one with --cortex-save{save}",
        ]
        return NoBaseline(reason="; ".join(parts))

    def _not_in(self, baseline: Baseline, key: Key) -> NoBaseline:
        holders = [repr(path.stem) for path in _files(self._here) if key in _entries_if_readable(path)]
        also = f"; it is in {_listed(holders)}" if holders else ""
        return NoBaseline(
            reason=f"baseline {baseline.name!r} does not hold {key}{also}; add it with --cortex-save={baseline.name}"
        )


def _files(folder: Path) -> list[Path]:
    """Returns the baselines in *folder*, whose last part may be a pattern, in the order of their names."""
    return sorted(folder.parent.glob(f"{folder.name}/*.json"))


def _listed(things: Sequence[str]) -> str:
    """Returns the first few of *things*, and how many more there are."""
    more = len(things) - _MOST_NAMED
    return ", ".join(things[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _without_large_graph(entry: BaselineEntry) -> BaselineEntry:
    if len(entry.durations) <= _MOST_MODULES:
        return entry
    return replace(entry, critical_path=(), durations={}, dependencies=(), phases={})


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text.encode())
    except OSError as error:
        raise BaselineError(path, f"it cannot be written ({error}); make its folder writable") from error


def _read(path: Path) -> Baseline:
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise BaselineError(path, f"it cannot be read ({error}); make it readable") from error
    except (ValueError, RecursionError) as error:
        raise _unusable(path, f"it is no JSON ({error})") from error
    try:
        return _parsed(path, _of(dict, document))
    except ValueError as error:
        raise _unusable(path, f"it is no baseline: {error}") from error
    except (LookupError, TypeError, AttributeError, OverflowError) as error:
        raise _unusable(path, f"it is no baseline ({error!r})") from error


def _unusable(path: Path, problem: str) -> BaselineError:
    return BaselineError(path, f"{problem}; restore it from version control, or delete it and save it again")


def _parsed(path: Path, document: dict[str, Any]) -> Baseline:
    version = document.get("schema")
    if version != SCHEMA_VERSION:
        raise ValueError(f"its schema is {version!r}, {SCHEMA_VERSION} is wanted")
    if fingerprint(document["machine"]) != path.parent.name:
        raise ValueError(f"it is of another machine than its folder says: {describe(document['machine'])}")
    _moment(document["created_at"])
    entries = [BaselineEntry.from_json(each) for each in document["measurements"]]
    return Baseline(
        name=path.stem,
        created_at=document["created_at"],
        machine=document["machine"],
        entries={entry.key: entry for entry in entries},
    )


def _entries_if_readable(path: Path) -> Mapping[Key, BaselineEntry]:
    with suppress(BaselineError):
        return _read(path).entries
    return {}


def _machine_of(path: Path) -> str:
    """Returns the machine of a baseline for people; of a file that cannot be read, what its folder is called."""
    with suppress(BaselineError):
        return describe(_read(path).machine)
    return path.parent.name


# Judging --------------------------------------------------------------------------------------------------------------


def baseline_limit(entry: BaselineEntry, *, alpha: float, modelled: bool = False) -> float:
    """Returns the speedup that stands for the baseline's: the highest one that its rounds prove.

    It is the order statistic up to which :func:`~pytest_cortex.evidence.boundary` calls the signs of these rounds a
    proof of "not below".  So it holds whatever the distribution of the times, and however early measuring stopped.

    Simulated: the truth unchanged, noise of 5 %, baselines of 16 rounds, 2,000 comparisons of 60 rounds, alpha 0.001.

        wrong FAIL, autocorrelation      0     0.5     0.7
        this, at alpha / 2             0 %     0 %  0.05 %
        the baseline's median          4 %     9 %    12 %

    Args:
        entry: The baseline.
        alpha: The probability with which it may lie above the baseline's true speedup, 0 < alpha < 0.5.
        modelled: True for the modelled speedup.

    Raises:
        TooFewRounds: If the baseline has too few rounds to prove anything.
    """
    low, _high = _bounds(entry.modelled_ratios if modelled else entry.ratios, horizon=entry.horizon, alpha=alpha)
    return low


def stale(
    entry: BaselineEntry, new_entry: BaselineEntry, *, name: str, alpha: float = 0.001, by: float = 0.10
) -> str | None:
    """Returns a warning if the program is proven to be much faster than its baseline, which then guards little.

    Args:
        entry: The baseline.
        new_entry: The same measurement now.
        name: The baseline's name.
        alpha: The probability with which the warning may be wrong.
        by: How much faster is much, as a fraction of the baseline's speedup.
    """
    try:
        _low, high = _bounds(entry.ratios, horizon=entry.horizon, alpha=alpha / 2)
        low, _high = _bounds(new_entry.ratios, horizon=new_entry.horizon, alpha=alpha / 2)
    except TooFewRounds:
        return None
    if low <= high * (1 + by):
        return None
    return (
        f"speedup {new_entry.speedup:.2f} is proven more than {100 * by:g} % above the {entry.speedup:.2f} of baseline "
        f"{name!r}: it became much faster, so the limit is stale; accept the new baseline with --cortex-save={name}, "
        "or raise the limit"
    )


def _bounds(ratios: Sequence[float], *, horizon: int, alpha: float) -> tuple[float, float]:
    """Returns what the true speedup is proven not to be below and not to be above, each up to *alpha*."""
    counts = boundary(horizon, alpha)
    needed = counts[len(ratios) - 1] if ratios else None
    if needed is None:
        least = next((n for n, count in enumerate(counts, start=1) if count is not None), smallest_horizon(alpha))
        raise TooFewRounds(len(ratios), least)
    ordered = sorted(ratios)
    return ordered[-needed], ordered[needed - 1]


# What changed ---------------------------------------------------------------------------------------------------------


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
    because = _listed([f"{module!r} now depends on {dependency!r}" for module, dependency in blamed])
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
        yield f"{count} new, {work_s:.3g} s of work: {_listed([repr(module) for module in added])}"


def _slower_modules(old: BaselineEntry, new: BaselineEntry) -> Iterator[str]:
    factors = {
        module: new.durations[module] / old_s
        for module, old_s in old.durations.items()
        if old_s > 0 and new.durations.get(module, 0.0) >= _MUCH_SLOWER * old_s
    }
    # By the time lost, because ten times nothing is nothing.
    slowest = sorted(factors, key=lambda module: (old.durations[module] - new.durations[module], module))
    for module in slowest[:_MOST_NAMED]:
        times_s = f"{new.durations[module]:.3g} s instead of {old.durations[module]:.3g} s"
        yield f"module {module!r} takes {factors[module]:.2g} times as long as before, {times_s}"


def _lower_ceiling(old: BaselineEntry, new: BaselineEntry) -> Iterator[str]:
    if old.ceiling is not None and new.ceiling is not None and new.ceiling < old.ceiling * (1 - _FORGIVEN):
        yield f"the most speedup that the graph allows went down from {old.ceiling:.2f} to {new.ceiling:.2f}"

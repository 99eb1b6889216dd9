"""What a viewer of Chrome trace events needs, as checks; Perfetto, speedscope and chrome://tracing differ."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, TypeAlias

Event: TypeAlias = dict[str, Any]


def check(events: Sequence[Event]) -> None:
    """Fails if a viewer would refuse one of *events*, or show something else than is meant."""
    json.dumps(events, allow_nan=False)
    for event in events:
        assert event["ph"] in {"M", "X", "s", "f"}
        assert isinstance(event["name"], str)
        assert event["name"]
        assert math.isfinite(event["ts"]), "speedscope refuses a file in which an event has no time"
        assert event["ts"] >= 0
        assert event["pid"] >= 1
        assert event["tid"] >= 1, "Perfetto takes thread 0 for the idle one"
    _check_tracks(events)
    _check_arrows(events)


def bars(events: Sequence[Event], **wanted: Any) -> list[Event]:
    """Returns the bars of a kind, e.g. ``cat="module"``."""
    return [each for each in events if each["ph"] == "X" and wanted.items() <= each.items()]


def arrows(events: Sequence[Event]) -> list[tuple[Event, Event]]:
    """Returns the two ends of each arrow."""
    ends: defaultdict[int, list[Event]] = defaultdict(list)
    for event in events:
        if event["ph"] in {"s", "f"}:
            ends[event["id"]].append(event)
    for both in ends.values():
        assert [each["ph"] for each in both] == ["s", "f"], "an arrow has one beginning, and then one end"
    return [(both[0], both[1]) for both in ends.values()]


def threads(events: Sequence[Event]) -> dict[tuple[int, int], str]:
    """Returns the name of each track, by process and thread."""
    return {(e["pid"], e["tid"]): e["args"]["name"] for e in events if e["ph"] == "M" and e["name"] == "thread_name"}


def _check_tracks(events: Sequence[Event]) -> None:
    processes = {each["pid"] for each in events if each["ph"] == "M" and each["name"] == "process_name"}
    names = threads(events)
    assert len({tid for _pid, tid in names}) == len(names), "Perfetto knows a thread by its number alone"
    tracks: defaultdict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for bar in bars(events):
        assert bar["cat"]
        assert bar["dur"] >= 0
        assert bar["pid"] in processes
        assert (bar["pid"], bar["tid"]) in names
        tracks[bar["pid"], bar["tid"]].append((_ns(bar["ts"]), _ns(bar["ts"]) + _ns(bar["dur"])))
    for spans in tracks.values():
        for (_start, end), (start, _end) in pairwise(sorted(spans)):
            assert end <= start, "bars of one track overlap"


def _check_arrows(events: Sequence[Event]) -> None:
    places = [(bar["pid"], bar["tid"], _ns(bar["ts"]), _ns(bar["ts"]) + _ns(bar["dur"])) for bar in bars(events)]
    for begin, end in arrows(events):
        assert (begin["cat"], begin["name"], begin["pid"]) == (end["cat"], end["name"], end["pid"])
        assert end["bp"] == "e"
        for each in (begin, end):
            here = [(s, e) for pid, tid, s, e in places if (pid, tid) == (each["pid"], each["tid"])]
            assert any(s <= _ns(each["ts"]) < max(e, s + 1) for s, e in here), "an arrow begins or ends in no bar"


def _ns(microseconds: float) -> int:
    return round(microseconds * 1e3)

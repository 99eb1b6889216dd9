"""What every thread and every waiting asyncio task is doing now, for people."""

from __future__ import annotations

import asyncio
import concurrent.futures.thread
import itertools
import sys
import threading
import traceback
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

from pytest_cortex.wording import plural

OUR_THREADS = "cortex-"
"""How the names of this plugin's own threads begin."""

_OUR_FILES = str(Path(__file__).parents[1])
_STARTERS = (threading.__file__, concurrent.futures.thread.__file__)
_MOST_GROUPS = 20
_FOREVER = "run_forever"


def stacks_of_all_threads() -> str:
    """Says for every thread but this plugin's own what it is doing, without the frames that merely led there.

    A thread that runs an event loop shows only that; so its tasks follow, each with the lines where it waits.
    """
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    parts = []
    for ident, frame in sys._current_frames().items():  # noqa: SLF001 - documented, and the only way to other threads
        name = names.get(ident, str(ident))
        if not name.startswith(OUR_THREADS):
            parts.append(f"thread {name!r}:\n{_text(traceback.extract_stack(frame))}")
            parts += _tasks_of(frame)
    return "\n".join(parts)


def _text(stack: traceback.StackSummary) -> str:
    return "".join(traceback.format_list(_telling(stack)))


def _telling(stack: list[traceback.FrameSummary]) -> list[traceback.FrameSummary]:
    """Drops the test runner's frames above the arm, and the library's frames that start a thread."""
    ours = [place for place, frame in enumerate(stack) if frame.filename.startswith(_OUR_FILES)]
    told = stack[ours[-1] + 1 :] if ours else stack
    return list(itertools.dropwhile(lambda frame: frame.filename in _STARTERS, told)) or told


# Tasks ----------------------------------------------------------------------------------------------------------------


def suspended_frames(awaited: object) -> list[FrameType]:
    """Returns the frames of a suspended coroutine and of what it awaits, from the outermost one in."""
    frames: list[FrameType] = []
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None)
        if frame is None:
            break
        frames.append(frame)
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None)
    return frames


def _tasks_of(frame: FrameType) -> list[str]:
    """The waiting tasks of the loop that runs in the stack of *frame*; those that wait at the same place together."""
    loop = next((found for each in _outwards(frame) if (found := _loop_run_by(each)) is not None), None)
    if loop is None:
        return []
    alike: defaultdict[str, list[str]] = defaultdict(list)
    with suppress(RuntimeError):  # tasks came and went while they were counted
        for task in sorted(asyncio.all_tasks(loop), key=lambda task: (len(task.get_name()), task.get_name())):
            if text := _text_of_task(task):
                alike[text].append(task.get_name())
    shown = [f"{_title(names)}:\n{text}" for text, names in itertools.islice(alike.items(), _MOST_GROUPS)]
    more = len(alike) - _MOST_GROUPS
    return [*shown, f"and tasks at {plural(more, 'more place')}"] if more > 0 else shown


def _title(names: list[str]) -> str:
    return f"task {names[0]!r}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _loop_run_by(frame: FrameType) -> asyncio.AbstractEventLoop | None:
    """The loop, if *frame* is what runs one: that of the standard library, or another's under ``asyncio.Runner``."""
    name = frame.f_code.co_name
    if name not in {_FOREVER, "run"}:  # most frames are not worth a look at their variables
        return None
    owner: Any = frame.f_locals.get("self")
    if name == "run" and isinstance(owner, asyncio.Runner):
        return owner.get_loop()
    return owner if isinstance(owner, asyncio.AbstractEventLoop) else None


def _text_of_task(task: asyncio.Task[Any]) -> str:
    """Empty for the task that runs: the stack of its thread shows it."""
    coroutine = task.get_coro()
    if getattr(coroutine, "cr_running", False):
        return ""
    frames = suspended_frames(coroutine)
    return _text(traceback.StackSummary.extract((frame, frame.f_lineno) for frame in frames))

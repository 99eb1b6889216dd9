"""Reads ``cortex.json`` back into the record it was made of: strict about types, and clear about what is wrong.

What a field may hold is read off the records themselves, so a field that they gain is read as well.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from pathlib import Path
from types import UnionType
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    NoReturn,
    TypeAlias,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from pytest_cortex.record import SCHEMA_VERSION, MeasurementRecord, SessionRecord

if TYPE_CHECKING:
    from os import PathLike

T = TypeVar("T")
Reader: TypeAlias = Callable[[Any], Any]

CAME_WITH: Mapping[int, str] = {
    1: "runs, measurements, rounds and verdicts",
    2: "spoilt rounds, verdicts without a limit, contenders, scalings, steps, causes, timelines, history",
}
"""What each version of the layout brought; whatever a file of an older one lacks has its default."""

_DERIVED: Mapping[type, frozenset[str]] = {MeasurementRecord: frozenset({"efficiency", "outcome"})}
_FROM_ONE = frozenset({"workers", "attempts"})
_SHOWN_CHARACTERS = 60


class UnreadableRecord(ValueError):
    """A document that holds what it never holds.

    Attributes:
        problem: What is wrong, and what would be right.
        where: JSON path of the value, e.g. ``$.measurements[0].workers``; empty if the document as a whole is wrong.
        file: The file it was read from; None if there was none.
    """

    def __init__(self, problem: str, where: str = "", file: Path | None = None) -> None:
        super().__init__(problem, where, file)
        self.problem = problem
        self.where = where
        self.file = file

    def __str__(self) -> str:
        places = (None if self.file is None else f"'{self.file}'", self.where or None)
        return ": ".join([*filter(None, places), self.problem])

    def below(self, part: str) -> UnreadableRecord:
        """Returns the same error as seen from the container that holds the value as *part*."""
        return UnreadableRecord(self.problem, part + self.where)


def load(path: str | PathLike[str]) -> SessionRecord:
    """Returns the record in *path*.

    Args:
        path: A ``cortex.json``, or the report folder it is in.

    Raises:
        OSError: If there is no such file, or it cannot be read.
        UnreadableRecord: If it is no ``cortex.json`` (a ``ValueError``).
    """
    file = Path(path)
    if file.is_dir():
        file /= "cortex.json"
    try:
        return from_json(parsed(file.read_bytes()))
    except UnreadableRecord as error:
        raise UnreadableRecord(error.problem, error.where, file) from error


def parsed(data: bytes) -> Any:
    """Returns the JSON document in *data*.

    Raises:
        UnreadableRecord: If it is none.
    """
    try:
        return json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise UnreadableRecord(f"this is no JSON ({error})") from error


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number there")


def from_json(document: object) -> SessionRecord:
    """Returns the record that :func:`~pytest_cortex.record.to_json` made *document* of, in today's layout.

    A file of an older layout is read as well: what it lacks has its default.  A number that was not finite is ``null``
    in a file; it comes back as None where there may be none, and as NaN elsewhere.

    Raises:
        UnreadableRecord: If a field is missing, unknown or holds what it never holds, or the layout is a newer one.
    """
    if not isinstance(document, Mapping):
        raise _wrong(document, "the record of a run, an object,")
    check_version(document.get("schema"), newest=SCHEMA_VERSION, what="cortex.json")
    return read(SessionRecord, {**document, "schema": SCHEMA_VERSION})


def check_version(version: object, *, newest: int, what: str) -> None:
    """Refuses a layout that this pytest-cortex does not know.

    Args:
        version: What the document says of itself.
        newest: The newest that is known.
        what: What the document is.

    Raises:
        UnreadableRecord: If *version* is none of 1 to *newest*.
    """
    if type(version) is not int or version < 1:
        problem = f"{_shown(version)} is no version; {what} has a whole number from 1 up there"
        raise UnreadableRecord(problem, "$.schema")
    if version > newest:
        known = "version 1 is" if newest == 1 else f"versions 1 to {newest} are"
        problem = f"this {what} has layout {version}, and only {known} known here; update pytest-cortex to read it"
        raise UnreadableRecord(problem, "$.schema")


def read(kind: type[T], document: object) -> T:
    """Returns *document*, made of what JSON knows, as a record of *kind*.

    Raises:
        UnreadableRecord: If a field is missing, unknown or holds what it never holds.
    """
    try:
        return cast("T", _reader(cast("Any", kind))(document))
    except UnreadableRecord as error:
        raise error.below("$") from None


# One reader per type --------------------------------------------------------------------------------------------------


@cache
def _reader(kind: Any) -> Reader:
    """Returns what turns a JSON value into a value of the type *kind*."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in _PLAIN:
        return _PLAIN[kind]
    if origin in (Union, UnionType):
        return _optional(*arguments)
    if origin is tuple:
        return _sequence(_reader(arguments[0])) if arguments[1:] == (...,) else _row(tuple(map(_reader, arguments)))
    if origin is Mapping:
        return _mapping(_reader(arguments[1]))
    if is_dataclass(kind):
        return _record(cast("type", kind))
    return _one_of({each: each for each in arguments} if origin is Literal else {each.value: each for each in kind})


def _record(kind: type) -> Reader:
    """A dataclass: every field by its own type; what came with a later version may be missing."""
    hints = get_type_hints(kind)
    known = {each.name: _reader(hints[each.name]) for each in fields(kind)}
    required = [each.name for each in fields(kind) if each.default is MISSING and each.default_factory is MISSING]
    derived = _DERIVED.get(kind, frozenset())

    def read_record(value: Any) -> Any:
        document = _mapping_of(value, "an object")
        missing = next((name for name in required if name not in document), None)
        if missing is not None:
            raise UnreadableRecord("it is missing; it stands in every version", f".{missing}")
        unknown = next((name for name in document if name not in known and name not in derived), None)
        if unknown is not None:
            raise UnreadableRecord("nothing of this name is known here; update pytest-cortex to read it", f".{unknown}")
        values = {name: _field(name, known[name], document[name]) for name in document if name in known}
        try:
            return kind(**values)
        except ValueError as error:  # a record that checks itself
            raise UnreadableRecord(str(error)) from error

    return read_record


def _field(name: str, reader: Reader, value: Any) -> Any:
    try:
        found = reader(value)
        least = 1 if name in _FROM_ONE else 0 if name.endswith("_s") else None
        if least is not None and found is not None and found < least:
            raise _wrong(found, f"a number from {least} up")
    except UnreadableRecord as error:
        raise error.below(f".{name}") from None
    return found


def _optional(*kinds: Any) -> Reader:
    (inner,) = [_reader(kind) for kind in kinds if kind is not type(None)]
    return lambda value: None if value is None else inner(value)


def _sequence(inner: Reader) -> Reader:
    def read_sequence(value: Any) -> tuple[Any, ...]:
        return tuple(_at(f"[{index}]", inner, each) for index, each in enumerate(_list_of(value)))

    return read_sequence


def _row(readers: tuple[Reader, ...]) -> Reader:
    def read_row(value: Any) -> tuple[Any, ...]:
        if len(_list_of(value)) != len(readers):
            raise _wrong(value, f"a list of {len(readers)}")
        pairs = zip(readers, value, strict=True)
        return tuple(_at(f"[{index}]", reader, each) for index, (reader, each) in enumerate(pairs))

    return read_row


def _mapping(inner: Reader) -> Reader:
    def read_mapping(value: Any) -> dict[str, Any]:
        return {key: _at(f"[{key!r}]", inner, each) for key, each in _mapping_of(value, "an object").items()}

    return read_mapping


def _at(part: str, reader: Reader, value: Any) -> Any:
    try:
        return reader(value)
    except UnreadableRecord as error:
        raise error.below(part) from None


def _one_of(values: Mapping[Any, Any]) -> Reader:
    def read_one(value: Any) -> Any:
        if not isinstance(value, str) or value not in values:
            raise _wrong(value, f"one of {', '.join(map(str, values))}")
        return values[value]

    return read_one


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong(value, "a text")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _wrong(value, "true or false")
    return value


def _count(value: Any) -> int:
    if type(value) is not int:
        raise _wrong(value, "a whole number")
    return value


def _number(value: Any) -> float:
    """A whole number stays one, so that it is written as it was; None stands for what was not finite."""
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(value, "a number")
    try:
        float(value)
    except OverflowError:
        raise _wrong(value, "a number that a float can hold") from None
    return value


_PLAIN: Mapping[Any, Reader] = {Any: lambda value: value, str: _text, bool: _flag, int: _count, float: _number}


def _list_of(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        raise _wrong(value, "a list")
    return value


def _mapping_of(value: Any, wanted: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise _wrong(value, wanted)
    return value


def _wrong(value: object, wanted: str) -> UnreadableRecord:
    return UnreadableRecord(f"{_shown(value)} stands where {wanted} should")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"

"""Annotations of GitHub Actions: what did not pass, on the line of its test."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from pytest_cortex.reporting.complaints import complaints_by_measurement
from pytest_cortex.wording import printable

if TYPE_CHECKING:
    from pytest_cortex.record import MeasurementRecord, SessionRecord
    from pytest_cortex.reporting.complaints import Complaint

_IN_MESSAGE = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_IN_PROPERTY = _IN_MESSAGE | str.maketrans({":": "%3A", ",": "%2C"})


def workflow_commands(session: SessionRecord, *, folder: str = "") -> tuple[str, ...]:
    """Returns one workflow command per complaint, each a line to be printed as it is.

    Args:
        session: What was measured.
        folder: From the repository's root to the folder that the record's files are seen from, parts joined by ``/``.
    """
    return tuple(
        _command(complaint, measurement, _level(complaint, session), folder)
        for measurement, complaints in complaints_by_measurement(session)
        for complaint in complaints
    )


def _level(complaint: Complaint, session: SessionRecord) -> str:
    """An error is what fails the test."""
    mode = session.settings.get("inconclusive")
    undecided_fails = mode is not None and mode.value == "fail"
    fails = {"FAIL", "ERROR"} | ({"INCONCLUSIVE"} if undecided_fails else set())
    return "error" if complaint.verdict in fails else "warning"


def _command(complaint: Complaint, measurement: MeasurementRecord, level: str, folder: str) -> str:
    properties = {**_place(measurement, folder), "title": f"{complaint.verdict} {complaint.label}"}
    written = ",".join(f"{name}={value.translate(_IN_PROPERTY)}" for name, value in properties.items())
    return f"::{level} {written}::{_message(complaint).translate(_IN_MESSAGE)}"


def _place(measurement: MeasurementRecord, folder: str) -> dict[str, str]:
    if measurement.file is None:
        return {}
    line = {} if measurement.line is None else {"line": str(measurement.line)}
    return {"file": printable(posixpath.normpath(posixpath.join(folder, measurement.file))), **line}


def _message(complaint: Complaint) -> str:
    gate = f"{complaint.gate}: " if complaint.gate else ""
    return "\n".join([f"{gate}{complaint.reason}", *(f"why: {cause}" for cause in complaint.causes)])

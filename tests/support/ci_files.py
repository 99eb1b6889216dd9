"""Reads the files of CI services: which jobs they have and which commands these run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

import yaml

EXPRESSION = re.compile(r"\$\{\{.*?\}\}")
"""What GitHub puts a value in the place of."""


def parsed(text: str) -> dict[str, Any]:
    """Returns the document; ``on`` is a word here and not YAML 1.1's truth."""
    document: dict[Any, Any] = yaml.safe_load(text)
    return {"on" if key is True else key: value for key, value in document.items()}


def steps(document: dict[str, Any], job: str) -> list[dict[str, Any]]:
    """Returns the steps of a job of GitHub Actions."""
    found: list[dict[str, Any]] = document["jobs"][job]["steps"]
    return found


def commands(document: dict[str, Any]) -> Iterator[str]:
    """Yields each line that a shell is given, by GitHub Actions or by GitLab CI."""
    for job in document.get("jobs", {}).values():
        for step in job["steps"]:
            yield from step.get("run", "").splitlines()
    for job in document.values():
        if isinstance(job, dict):
            yield from job.get("script", [])


def arguments_of_pytest(command: str) -> list[str] | None:
    """Returns what a command hands to pytest; None if it runs something else."""
    program, *arguments = shlex.split(EXPRESSION.sub("x", command))
    if PurePath(program).name == "pytest":
        return arguments
    return arguments[2:] if arguments[:2] == ["-m", "pytest"] else None

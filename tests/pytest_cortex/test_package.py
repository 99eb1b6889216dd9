"""What ``import pytest_cortex`` gives, and that it is imported only when it is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

import pytest_cortex
from pytest_cortex.judging import gate


def test_names_are_those_of_the_gate() -> None:
    assert pytest_cortex.__all__ == sorted(pytest_cortex.__all__)
    assert all(getattr(pytest_cortex, name) is getattr(gate, name) for name in pytest_cortex.__all__)


def test_a_name_that_is_not_there_is_an_error() -> None:
    with pytest.raises(AttributeError, match="module 'pytest_cortex' has no attribute 'Gates'"):
        pytest_cortex.Gates  # type: ignore[attr-defined]  # noqa: B018 - the access is what is tested


def test_nothing_is_imported_before_it_is_asked_for() -> None:
    code = "import sys, pytest_cortex; assert 'pytest_cortex.judging' not in sys.modules; pytest_cortex.Gate"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

"""Which machine a number was measured on: the facts that decide how fast a program is there, and their fingerprint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pytest_cortex.measuring.machine import cpu_model


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

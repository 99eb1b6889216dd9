"""``environment_setup``: what a project is, what it runs on, and what is missing, as one JSON file.

::

    from orchestrator import execute_operation

    report = execute_operation("environment_setup", profile="standard", max_parallel_workers=4)
    print(report.context["summary_path"])

It reads two keys of the initial context, both optional: ``project_root``, by default the current directory,
and ``summary_path``, by default ``.cortex/environment_setup.json`` below the root.  That file is the only
thing it writes.  It installs nothing, and runs nothing of the project.

Each module that inspects something commits a mapping of JSON values under its own id, and the summary holds
these.  A module that did not run leaves no key.
"""

from __future__ import annotations

from orchestrator.operation import Operation
from orchestrator.operations.machine import (
    installed_packages,
    machine_resources,
    python_runtime,
    version_control,
)
from orchestrator.operations.project import (
    declared_dependencies,
    project_validation,
    source_files,
    test_layout,
)
from orchestrator.operations.summary import summary, summary_target

ENVIRONMENT_SETUP = Operation(
    "environment_setup",
    [
        project_validation,
        python_runtime,
        declared_dependencies,
        machine_resources,
        summary_target,
        installed_packages,
        source_files,
        version_control,
        test_layout,
        summary,
    ],
    profiles={"minimal": ["project_validation", "python_runtime", "summary"]},
)

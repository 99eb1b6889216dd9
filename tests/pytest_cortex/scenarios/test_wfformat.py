"""Workflow files: real ones are replayed as they were, broken ones are refused with a reason."""

import json
import os
import pickle
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import plan
from pytest_cortex.graphs.ceiling import ceiling_by_durations
from pytest_cortex.scenarios.wfformat import AUTO_WORK_S, Task, WorkflowError, read_tasks, workflow_scenario

Document = dict[str, Any]


def workflow(runtimes: dict[str, object], parents: dict[str, list[str]] | None = None) -> Document:
    known = parents or {}
    return {
        "workflow": {
            "specification": {"tasks": [{"id": name, "parents": known.get(name, [])} for name in runtimes]},
            "execution": {"tasks": [{"id": name, "runtimeInSeconds": s} for name, s in runtimes.items()]},
        }
    }


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[object], Path]:
    """Writes a document, or text as it is, to a file."""

    def save(document: object) -> Path:
        path = tmp_path / "flow.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
        return path

    return save


def problem_of(path: Path, **keywords: Any) -> str:
    with pytest.raises(WorkflowError) as caught:
        workflow_scenario(path, **{"workers": 2, "time_scale": None, **keywords})
    assert str(caught.value) == f"workflow file '{path}': {caught.value.problem}"
    return caught.value.problem


# What is right --------------------------------------------------------------------------------------------------------


def test_tasks_are_read_with_parents_and_runtimes(saved: Callable[[object], Path]) -> None:
    path = saved(workflow({"a": 1, "b": 2.5}, {"b": ["a"]}))
    assert read_tasks(path) == (Task(id="a", parents=(), runtime_s=1.0), Task(id="b", parents=("a",), runtime_s=2.5))


def test_task_without_parents_key_has_none(saved: Callable[[object], Path]) -> None:
    document = workflow({"a": 1.0})
    del document["workflow"]["specification"]["tasks"][0]["parents"]
    assert read_tasks(saved(document))[0].parents == ()


@pytest.mark.parametrize(
    "executed", [[], [{}], [{"id": ["a"]}], [{"id": "a"}], [{"id": "a", "runtimeInSeconds": None}]]
)
def test_task_without_a_recorded_runtime_took_no_time(
    saved: Callable[[object], Path], executed: list[Document]
) -> None:
    document = workflow({"a": 1.0})
    document["workflow"]["execution"]["tasks"] = executed
    assert read_tasks(saved(document))[0].runtime_s == 0.0


def test_scenario_takes_one_second_of_work_when_no_time_scale_is_given(saved: Callable[[object], Path]) -> None:
    scenario = workflow_scenario(saved(workflow({"a": 30, "b": 10})), workers=3, time_scale=None)
    assert scenario.durations == pytest.approx({"a": 0.75, "b": 0.25})
    assert (scenario.name, scenario.workers, scenario.min_efficiency) == ("flow", 3, None)


def test_scenario_takes_the_time_scale_it_is_given(saved: Callable[[object], Path]) -> None:
    scenario = workflow_scenario(saved(workflow({"a": 30, "b": 10})), workers=3, time_scale=0.1)
    assert scenario.durations == pytest.approx({"a": 3.0, "b": 1.0})


def test_note_says_what_was_replayed(saved: Callable[[object], Path]) -> None:
    scenario = workflow_scenario(saved(workflow({"a": 30, "b": 10})), workers=3, time_scale=0.1)
    assert scenario.note == "replayed from flow.json: 2 tasks, 40 s recorded, time scale 0.1"


def test_scenario_keeps_the_graph(saved: Callable[[object], Path]) -> None:
    path = saved(workflow({"a": 1, "b": 1, "c": 1}, {"b": ["a"], "c": ["a", "b", "a"]}))
    graph = plan(workflow_scenario(path, workers=2, time_scale=None).operation)
    assert dict(graph.dependencies) == {"a": (), "b": ("a",), "c": ("a", "b")}


# What is wrong --------------------------------------------------------------------------------------------------------


def test_missing_file_is_refused(tmp_path: Path) -> None:
    assert problem_of(tmp_path / "nothing.json") == "it cannot be read: No such file or directory"


def test_folder_is_refused(tmp_path: Path) -> None:
    assert problem_of(tmp_path).startswith("it cannot be read:")


@pytest.mark.parametrize(
    "text",
    ["", "{", "not json", "[" * 200_000, '{"workflow": ' + "9" * 5000 + "}"],
    ids=["empty", "broken", "prose", "too deep", "5000 digits"],
)
def test_what_is_no_json_is_refused(saved: Callable[[object], Path], text: str) -> None:
    assert problem_of(saved(text)).startswith("it is not JSON:")


def test_binary_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "flow.json"
    path.write_bytes(b"\x89PNG\xff\xfe\x00")
    assert problem_of(path).startswith("it is not JSON:")


@pytest.mark.parametrize("document", [[], "text", 1, None, {}, {"workflow": None}, {"workflow": []}], ids=str)
def test_document_without_a_workflow_is_refused(saved: Callable[[object], Path], document: object) -> None:
    assert problem_of(saved(json.dumps(document))) == "it has no 'workflow': a WfFormat 1.5 file is wanted"


@pytest.mark.parametrize("section", ["specification", "execution"])
@pytest.mark.parametrize("part", [None, [], {}, {"tasks": None}, {"tasks": {}}, {"tasks": ["a"]}], ids=str)
def test_section_without_a_list_of_tasks_is_refused(
    saved: Callable[[object], Path], section: str, part: object
) -> None:
    document = workflow({"a": 1.0})
    document["workflow"][section] = part
    wanted = f"workflow.{section}.tasks is not a list of tasks: a WfFormat 1.5 file is wanted"
    assert problem_of(saved(document)) == wanted


def test_missing_section_is_refused(saved: Callable[[object], Path]) -> None:
    document = workflow({"a": 1.0})
    del document["workflow"]["execution"]
    assert "workflow.execution.tasks is not a list" in problem_of(saved(document))


def test_workflow_without_tasks_is_refused(saved: Callable[[object], Path]) -> None:
    assert problem_of(saved(workflow({}))) == "workflow.specification.tasks is empty: there is nothing to run"


@pytest.mark.parametrize("name", [None, "", 7, ["a"]])
def test_task_without_a_name_is_refused(saved: Callable[[object], Path], name: object) -> None:
    document = workflow({"a": 1.0})
    document["workflow"]["specification"]["tasks"][0]["id"] = name
    assert problem_of(saved(document)) == f"a task has the id {name!r}: a name is wanted"


@pytest.mark.parametrize("parents", [None, "b", {"b": 1}, [1], [""], [["b"]]], ids=str)
def test_parents_that_are_no_names_are_refused(saved: Callable[[object], Path], parents: object) -> None:
    document = workflow({"a": 1.0})
    document["workflow"]["specification"]["tasks"][0]["parents"] = parents
    assert problem_of(saved(document)) == f"task 'a' has the parents {parents!r}: a list of task ids is wanted"


def test_unknown_parent_is_refused_with_a_suggestion(saved: Callable[[object], Path]) -> None:
    problem = problem_of(saved(workflow({"align": 1, "b": 1}, {"b": ["algin"]})))
    assert problem == "module 'b' depends on an unknown module 'algin'; did you mean 'align'?"


def test_cycle_is_refused(saved: Callable[[object], Path]) -> None:
    problem = problem_of(saved(workflow({"a": 1, "b": 1}, {"a": ["b"], "b": ["a"]})))
    assert "wait for each other in a cycle: a → b → a" in problem


def test_task_that_waits_for_itself_is_refused(saved: Callable[[object], Path]) -> None:
    assert "in a cycle: a → a" in problem_of(saved(workflow({"a": 1}, {"a": ["a"]})))


def test_duplicate_id_is_refused(saved: Callable[[object], Path]) -> None:
    document = workflow({"a": 1.0})
    document["workflow"]["specification"]["tasks"] *= 2
    assert "has more than one module 'a'" in problem_of(saved(document))


def test_every_fault_of_the_graph_is_named_at_once(saved: Callable[[object], Path]) -> None:
    problem = problem_of(saved(workflow({"a": 1, "b": 1}, {"a": ["x"], "b": ["y"]})))
    assert "'x'" in problem
    assert "'y'" in problem


@pytest.mark.parametrize(
    "runtime",
    ["-1", "NaN", "Infinity", "-Infinity", '"3"', "true", "false", '""', "[]", "1e300", "1" + "0" * 400],
)
def test_runtime_that_is_no_time_is_refused(saved: Callable[[object], Path], runtime: str) -> None:
    text = json.dumps(workflow({"a": "RUNTIME", "b": 1})).replace('"RUNTIME"', runtime)
    problem = problem_of(saved(text))
    assert problem.startswith("task 'a' has runtimeInSeconds ")
    assert problem.endswith(": seconds from 0 to 1e+09 are wanted")
    assert len(problem) < 200


def test_workflow_without_any_work_is_refused(saved: Callable[[object], Path]) -> None:
    problem = problem_of(saved(workflow({"a": 0, "b": None})))
    assert problem == "no task has a runtimeInSeconds above 0: there is nothing to replay"


@pytest.mark.parametrize(("runtime", "scale"), [(1.0, 1e300), (1e9, 1e308), (5e-324, None)])
def test_replay_that_would_never_end_is_refused(
    saved: Callable[[object], Path], runtime: float, scale: float | None
) -> None:
    problem = problem_of(saved(workflow({"a": runtime, "b": runtime, "c": 0.0})), time_scale=scale)
    assert problem.endswith("choose another --cortex-time-scale")


def test_workflow_error_survives_pickling() -> None:
    error = WorkflowError(Path("flow.json"), "it is not JSON")
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy)) == (WorkflowError, "workflow file 'flow.json': it is not JSON")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["workflow", "specification", "execution", "tasks", "id", "parents", "runtimeInSeconds"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)
task_lists = st.lists(
    st.fixed_dictionaries(
        {"id": st.sampled_from(["a", "b", "c"]) | json_values},
        optional={
            "parents": st.lists(st.sampled_from(["a", "b"]), max_size=2) | json_values,
            "runtimeInSeconds": st.floats() | st.integers() | json_values,
        },
    ),
    max_size=4,
)
workflows = st.builds(
    lambda specified, executed: {
        "workflow": {"specification": {"tasks": specified}, "execution": {"tasks": executed}},
    },
    task_lists,
    task_lists,
)


@given(document=json_values | workflows, scale=st.none() | st.floats(min_value=1e-300, max_value=1e300))
def test_any_document_is_a_workflow_or_a_named_error(
    tmp_path_factory: pytest.TempPathFactory, document: object, scale: float | None
) -> None:
    path = tmp_path_factory.getbasetemp() / "any-document.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    with suppress(WorkflowError):
        scenario = workflow_scenario(path, workers=2, time_scale=scale)
        assert sum(scenario.durations.values()) >= 0
        assert len(plan(scenario.operation)) == len(scenario.durations)


# Recorded workflows ---------------------------------------------------------------------------------------------------


def recorded() -> list[Any]:
    folder = os.environ.get("CORTEX_WFFORMAT_DIR")
    if not folder:
        reason = "CORTEX_WFFORMAT_DIR does not name a folder with recorded workflows"
        return [pytest.param(None, marks=pytest.mark.skip(reason=reason), id="unset")]
    return [pytest.param(path, id=path.stem) for path in sorted(Path(folder).glob("*.json"))]


def ceiling_computed_from_the_file(path: Path, workers: int) -> float:
    """Work / bound, straight from the JSON by recursion over the parents."""
    found = json.loads(path.read_text(encoding="utf-8"))["workflow"]
    parents = {task["id"]: task["parents"] for task in found["specification"]["tasks"]}
    recorded_s = {task["id"]: task.get("runtimeInSeconds") or 0.0 for task in found["execution"]["tasks"]}
    seconds = {name: recorded_s.get(name, 0.0) for name in parents}

    @cache
    def finish_s(name: str) -> float:
        return float(seconds[name] + max(map(finish_s, parents[name]), default=0.0))

    work_s = sum(seconds.values())
    return float(work_s / max(work_s / workers, *map(finish_s, parents)))


@pytest.mark.parametrize("path", recorded())
@pytest.mark.parametrize("workers", [2, 4, 16])
def test_recorded_workflow_is_planned_and_has_the_ceiling_computed_from_its_file(path: Path, workers: int) -> None:
    scenario = workflow_scenario(path, workers=workers, time_scale=None)
    graph = plan(scenario.operation)
    assert sum(scenario.durations.values()) == pytest.approx(AUTO_WORK_S)
    assert len(graph) == len(read_tasks(path))
    ceiling = ceiling_by_durations(graph, scenario.durations, workers)
    assert ceiling.speedup == pytest.approx(ceiling_computed_from_the_file(path, workers))

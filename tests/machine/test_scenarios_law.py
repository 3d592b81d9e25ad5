"""For any valid spec: what Elasticsearch returns of it is never drift, and what differs from it always is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from inference_operator.core.endpoint.compare import Yardstick, compare, set_paths
from inference_operator.core.values import DesiredEndpoint, ObservedEndpoint, Sealed, Tree, Version, dotted
from inference_operator.elasticsearch.documents import observed, single
from tests.machine.scenarios import VERSIONS
from tests.standin import Cluster, State, core
from tests.standin import Version as ServerVersion
from tests.standin.catalogue import CHUNKING_TASKS, Service, Setting
from tests.standin.messages import Json, Request, Response
from tests.test_standin.samples import pairs, sample

_TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=12)
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": _TEXTS,
    "url": st.sampled_from(("https://provider.example/v1", "http://10.0.0.1:8080")),
    "integer": st.integers(1, 4096),
    "float": st.one_of(st.integers(0, 2), st.floats(0, 1, allow_nan=False)),
    "boolean": st.booleans(),
    "list": st.lists(_TEXTS, max_size=3),
    "map": st.dictionaries(_TEXTS, _TEXTS, max_size=3),
    "object": st.dictionaries(_TEXTS, st.one_of(_TEXTS, st.integers()), max_size=2),
}
_SIZES = st.integers(20, 300)
_CHUNKING = st.one_of(
    st.none(),
    st.builds(
        lambda size, overlap: {"strategy": "sentence", "max_chunk_size": size, "sentence_overlap": overlap},
        _SIZES,
        st.integers(0, 1),
    ),
    st.builds(lambda size: {"strategy": "Word", "max_chunk_size": size, "overlap": size // 2}, _SIZES),
)


def _values(setting: Setting) -> st.SearchStrategy[Any]:
    if setting.values:
        spelt = [spell(value) for value in setting.values for spell in (str, str.upper, str.lower)]
        return st.sampled_from(spelt)
    if setting.name == "rate_limit":
        return st.fixed_dictionaries({}, optional={"requests_per_minute": st.integers(1, 100_000)})
    return _VALUES[setting.type]


@st.composite
def bodies(draw: st.DrawFn, service: Service, task: str, version: ServerVersion) -> Json:
    """A create request: what is required, and some of what is allowed."""
    body = sample(service, task, version)
    for block, known in (("service_settings", service.service_settings), ("task_settings", service.task_settings)):
        free = [s for s in known if s.applies(task, version) and not s.secret and s.name not in body.get(block, {})]
        chosen = draw(st.lists(st.sampled_from(free), max_size=3, unique_by=lambda s: s.name)) if free else []
        extra = {setting.name: draw(_values(setting)) for setting in chosen}
        if extra:
            body[block] = body.get(block, {}) | extra
    chunking = draw(_CHUNKING) if service.chunking and task in CHUNKING_TASKS else None
    return body if chunking is None else body | {"chunking_settings": chunking}


@st.composite
def creations(draw: st.DrawFn, version: ServerVersion) -> tuple[Service, str, Json]:
    service, task = draw(st.sampled_from(list(pairs(version))))
    return service, task, draw(bodies(service, task, version))


def _ask(state: State, method: str, path: str, body: Json | None = None) -> tuple[State, Response]:
    request = Request(
        method,
        path,
        headers={"content-type": "application/json"},
        body=b"" if body is None else json.dumps(body).encode(),
        segments=tuple(part for part in path.split("/") if part),
        uri=path,
    )
    step = core.handle(state, request, 0.0)
    assert isinstance(step.outcome, Response)
    return step.state, step.outcome


def _document(response: Response) -> Any:
    return json.loads(json.dumps(response.body, default=dict))


def _desired(task: str, service: Service, body: Json) -> DesiredEndpoint:
    def sealed(name: str, value: Any) -> Tree:
        return Sealed("credentials", name, value) if name in service.secret_names() else value

    return DesiredEndpoint(
        inference_id="a",
        task_type=task,
        service=body["service"],
        service_settings={name: sealed(name, value) for name, value in body["service_settings"].items()},
        task_settings=body.get("task_settings", {}),
        chunking_settings=body.get("chunking_settings"),
        sources={},
    )


def _yardstick(version: str, desired: DesiredEndpoint) -> Yardstick:
    return Yardstick(Version.parse(version), once_set=frozenset(dotted(path) for path in set_paths(desired)))


def _other(value: Any) -> Any:
    """Another value of the same shape."""
    return {key: _other(inner) for key, inner in value.items()} if isinstance(value, dict) else f"not {value}"


def _created(version: str, task: str, body: Json) -> tuple[ObservedEndpoint, ObservedEndpoint] | None:
    """The endpoint as the create and as a later reading show it; None where the server refuses the body."""
    state = State(version=ServerVersion.parse(version), cluster=Cluster(eis=True))
    state, answer = _ask(state, "PUT", f"/_inference/{task}/a", body)
    if answer.status != 200:
        return None
    _, reading = _ask(state, "GET", "/_inference/a")
    return observed(_document(answer)), single("a")(_document(reading))


@pytest.mark.parametrize("version", VERSIONS)
@settings(deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(data=st.data())
def test_what_elasticsearch_returns_of_a_valid_spec_is_no_drift(version: str, data: st.DataObject) -> None:
    service, task, body = data.draw(creations(ServerVersion.parse(version)))
    found = _created(version, task, body)
    assume(found is not None)
    assert found is not None
    desired = _desired(task, service, body)
    for seen in found:
        assert compare(desired, seen, _yardstick(version, desired)) == ()


@pytest.mark.parametrize("version", VERSIONS)
@settings(deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(data=st.data())
def test_what_others_change_of_a_setting_that_is_shown_is_drift(version: str, data: st.DataObject) -> None:
    service, task, body = data.draw(creations(ServerVersion.parse(version)))
    found = _created(version, task, body)
    assume(found is not None)
    assert found is not None
    desired = _desired(task, service, body)
    shown = [name for name in body["service_settings"] if name in found[1].service_settings and name != "num_allocations"]
    assume(shown)
    name = data.draw(st.sampled_from(shown))
    theirs = ObservedEndpoint(
        inference_id="a",
        task_type=task,
        service=found[1].service,
        service_settings={**found[1].service_settings, name: _other(found[1].service_settings[name])},
        task_settings=found[1].task_settings,
        chunking_settings=found[1].chunking_settings,
    )
    paths = {difference.path[:2] for difference in compare(desired, theirs, _yardstick(version, desired))}
    assert paths <= {("serviceSettings", name)}
    assert paths or desired.service_settings[name] in ({}, None), f"{name} differs unnoticed"

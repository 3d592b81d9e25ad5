"""Every service with every task type: created, read, given a new secret, deleted."""

from __future__ import annotations

import httpx
import pytest

from tests.standin import StandIn
from tests.standin.catalogue import CHUNKING_TASKS, DENSE_TASKS, Service
from tests.test_standin.samples import SECRET, pairs, sample, secret_name

ALL = [pytest.param(service, task, id=f"{service.name}-{task}") for service, task in pairs()]


@pytest.mark.parametrize(("service", "task"), ALL)
async def test_life_of_an_endpoint(http: httpx.AsyncClient, standin: StandIn, service: Service, task: str) -> None:
    body = sample(service, task)
    created = await http.put(f"/_inference/{task}/one", json=body)
    assert created.status_code == 200, created.text
    shown = created.json()
    assert (shown["inference_id"], shown["task_type"]) == ("one", task)
    assert shown["service"] == ("elasticsearch" if service.name == "elser" else service.name)
    assert SECRET not in created.text
    assert ("chunking_settings" in shown) == (task in CHUNKING_TASKS and service.chunking)
    if task in DENSE_TASKS and service.name != "elasticsearch":
        assert shown["service_settings"]["dimensions"] > 0
        assert shown["service_settings"]["similarity"] in {"cosine", "dot_product", "l2_norm"}
    for path in ("/_inference/one", f"/_inference/{task}/one"):
        assert (await http.get(path)).json() == {"endpoints": [shown]}

    if name := secret_name(service, body):
        old = body["service_settings"][name]
        new = {"key": "new"} if isinstance(old, dict) else "new"
        updated = await http.put(f"/_inference/{task}/one/_update", json={"service_settings": {name: new}})
        assert updated.status_code == 200, updated.text
        assert updated.json() == shown
        assert standin.endpoints["one"].secrets[name] == new

    assert (await http.delete("/_inference/one")).json() == {"acknowledged": True, "pipelines": [], "indexes": []}
    assert (await http.get("/_inference/one")).status_code == 404
    assert not standin.state.deployments

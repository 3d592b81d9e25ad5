"""From the version before to this one, away, and back again, with objects present all the while."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from tests.chart.rendering import CHART
from tests.e2e.suite.installed import CRDS, Installed
from tests.e2e.suite.previous import previous_chart
from tests.e2e.suite.stages import KINDS, OPERATORS, await_ready, endpoints, make_namespace, objects_of, operator, pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.cluster import Cluster
    from tests.e2e.suite.installed import Elasticsearch

NAMES = ["kept-1", "kept-2"]
HOME = "kept"


@pytest.fixture(scope="module")
def release(cluster: Cluster, elasticsearch: Elasticsearch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """Of the version before, with objects that are Ready."""
    installed = operator(cluster, elasticsearch, OPERATORS)
    installed.install(previous_chart(tmp_path_factory.mktemp("previous")))
    make_namespace(cluster, HOME)
    cluster.apply(HOME, pipeline("keeps", NAMES[0]), *endpoints(NAMES, "somebody"))
    await_ready(cluster, HOME, 3)
    yield installed
    installed.uninstall()


def known(elasticsearch: Elasticsearch) -> tuple[set[str], set[str]]:
    """Of ours, what Elasticsearch has."""
    standin = elasticsearch.standin
    return set(NAMES) & set(standin.endpoints), {"keeps"} & set(standin.state.pipelines)


def uids(cluster: Cluster) -> set[str]:
    return {item["metadata"]["uid"] for item in objects_of(cluster, HOME)}


def test_upgrade_uninstall_install(cluster: Cluster, release: Installed, elasticsearch: Elasticsearch) -> None:
    """One story, each step on the one before."""
    everything, before = (set(NAMES), {"keeps"}), uids(cluster)
    current = yaml.safe_load((CHART / "Chart.yaml").read_text())["version"]
    assert release.version() != current
    old_pods = {pod["metadata"]["uid"] for pod in release.pods()}
    mark = len(elasticsearch.standin.log.writes)

    release.upgrade()
    assert release.version() == current
    assert not old_pods & {pod["metadata"]["uid"] for pod in release.await_ready()}
    release.leader()
    await_ready(cluster, HOME, 3)
    cluster.apply(HOME, *endpoints(NAMES[:1], "edited-after-the-upgrade"))
    await_ready(cluster, HOME, 3)
    written = {entry.path for entry in elasticsearch.standin.log.writes[mark:]}
    assert written == {f"/_inference/text_embedding/{NAMES[0]}/_update"}, "only what was edited is written"

    release.uninstall()
    assert (known(elasticsearch), uids(cluster)) == (everything, before)
    assert cluster.kubectl("get", "crd", *CRDS, "--output=name").split() == [
        f"customresourcedefinition.apiextensions.k8s.io/{name}" for name in CRDS
    ]

    mark = len(elasticsearch.standin.log.writes)
    release.install()
    release.leader()
    cluster.kubectl("delete", ",".join(KINDS), "--all", f"--namespace={HOME}", "--timeout=80s")
    assert known(elasticsearch) == (set(), set())
    assert {entry.method for entry in elasticsearch.standin.log.writes[mark:]} == {"DELETE"}, "nothing was written anew"

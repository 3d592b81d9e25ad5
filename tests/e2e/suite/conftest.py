"""Fixtures of the suite. `make e2e` names the provider; without one, pytest collects nothing here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.e2e.providers import VARIABLE, chosen
from tests.e2e.suite.installed import Elasticsearch, serving
from tests.e2e.suite.stages import Frozen, frozen_operator, leave_crds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.cluster import Cluster

collect_ignore_glob = [] if VARIABLE in os.environ else ["test_*.py"]


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with chosen().running() as started:
        yield started


@pytest.fixture(scope="session")
def elasticsearch(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elasticsearch]:
    with serving(cluster.address_of_this_process, tmp_path_factory.mktemp("elasticsearch")) as started:
        yield started


@pytest.fixture(scope="session", autouse=True)
def frozen(cluster: Cluster, elasticsearch: Elasticsearch) -> Frozen:
    """One whose process stands still from the beginning: it takes the kubelet a while to see it, and other tests run then."""
    leave_crds(cluster, elasticsearch)
    return frozen_operator(cluster, elasticsearch)

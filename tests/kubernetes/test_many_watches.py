"""Each watch holds a connection for as long as it stands, and there is one for every namespace and kind."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from inference_operator.kubernetes.client import Reply, Request, path_of
from inference_operator.kubernetes.metadata_watch import MetadataWatch
from tests.kubernetes.scripted_api import Answer, client_for, holding, scripted_api
from tests.virtual_clock import VirtualClock

if TYPE_CHECKING:
    from pathlib import Path

NAMESPACES = [f"team-{number}" for number in range(60)]


async def test_watches_of_many_namespaces_stand_and_leave_connections_to_other_requests(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with scripted_api() as api, client_for(api, tmp_path, clock=clock) as client:
        watch = MetadataWatch(client, clock, on_change=lambda _: None, namespaces=NAMESPACES)
        task = asyncio.create_task(watch.run())
        await holding(watch.synced.is_set)
        watched = [path_of("api", "v1", "namespaces", name, kind) for name in NAMESPACES for kind in ("secrets", "configmaps")]
        assert Counter(each.path for each in api.asked) == Counter(watched)
        api.plan("/asked", Answer(200, {}))
        assert await client.ask("get it", Request("/asked")) == Reply(200, {})
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

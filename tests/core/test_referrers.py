"""What is said of an endpoint's users when the server told some, our own search found some, and some were known before."""

from __future__ import annotations

import pytest

from inference_operator.api.status import UsedBy
from inference_operator.core.referrers import Referrers, joined, refreshed
from inference_operator.core.values import Usage


@pytest.mark.parametrize(
    ("told", "found", "together", "needs_force"),
    [
        pytest.param(Usage(), Usage(), Usage(), False, id="nobody"),
        pytest.param(Usage(("p",), ("i",), "m"), Usage(), Usage(("p",), ("i",), "m"), True, id="only the server knows"),
        pytest.param(
            Usage(), Usage(("p",), ("index template t",)), Usage(("p",), ("index template t",), overlooked=2), False, id="only we"
        ),
        pytest.param(Usage(("p",), (), "m"), Usage(("p",)), Usage(("p",), (), "m"), True, id="both know the same"),
        pytest.param(
            Usage(("b", "d"), ("i",), "m"),
            Usage(("a", "b", "c"), ("component template t",)),
            Usage(("a", "b", "c", "d"), ("component template t", "i"), "m", overlooked=3),
            True,
            id="each knows something, sorted",
        ),
    ],
)
def test_joined(told: Usage, found: Usage, together: Usage, needs_force: bool) -> None:
    assert joined(told, found) == together
    assert together.needs_force is needs_force


BEFORE = UsedBy(pipelines=("old",), indices=("component template c", "i", "index template old"), total=4)


@pytest.mark.parametrize(
    ("before", "found", "usage"),
    [
        pytest.param(None, Referrers(), Usage(), id="nothing is known"),
        pytest.param(None, Referrers(("p",), ("index template t",)), Usage(("p",), ("index template t",)), id="the first time"),
        pytest.param(BEFORE, Referrers(), Usage(BEFORE.pipelines, BEFORE.indices), id="nothing can be read"),
        pytest.param(BEFORE, Referrers(pipelines=("new",)), Usage(("new",), BEFORE.indices), id="only pipelines can be read"),
        pytest.param(
            BEFORE,
            Referrers(index_templates=("index template new",)),
            Usage(("old",), ("component template c", "i", "index template new")),
            id="only templates can be read",
        ),
        pytest.param(BEFORE, Referrers((), ()), Usage((), ("component template c", "i")), id="what is gone goes"),
    ],
)
def test_refreshed(before: UsedBy | None, found: Referrers, usage: Usage) -> None:
    assert refreshed(before, found) == usage

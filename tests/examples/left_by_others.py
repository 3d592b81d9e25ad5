"""What other tools leave in Elasticsearch, taken from the files `before` of the examples about migrating.

Decides how these files are read: eck-custom-resources has JSON in a string, and each `jsonencode` of our Terraform file holds
JSON, but for the variable with the key.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from tests.examples.catalogue_of_examples import MIGRATING, resources

ECK, TERRAFORM = MIGRATING / "eck-custom-resources", MIGRATING / "terraform"
OLD_KEY = "of-the-old-tool"
_LISTS = ("processors", "on_failure")


@dataclass(frozen=True)
class Left:
    """What a tool wrote to Elasticsearch: bodies by path."""

    pipeline: tuple[str, dict[str, Any]]
    endpoint: tuple[str, dict[str, Any]] | None = None

    @property
    def requests(self) -> list[tuple[str, dict[str, Any]]]:
        """Path and body of each PUT, the endpoint first."""
        endpoint = [(f"_inference/{self.endpoint[0]}", self.endpoint[1])] if self.endpoint else []
        return [*endpoint, (f"_ingest/pipeline/{self.pipeline[0]}", self.pipeline[1])]


def left_by_eck_custom_resources() -> Left:
    """It sends the string as it is, under the name of the object."""
    (before,) = resources(ECK / "before.yaml")
    return Left((before["metadata"]["name"], json.loads(before["spec"]["body"])))


def left_by_terraform() -> Left:
    """It sends what the attributes hold, under their names in Elasticsearch."""
    text = (TERRAFORM / "before.tf").read_text()
    endpoint, pipeline = re.findall(r"^resource .+?^}$", text, re.DOTALL | re.MULTILINE)
    endpoint = endpoint.replace("var.openai_api_key", f'"{OLD_KEY}"')
    body = {"service": _string(endpoint, "service"), "service_settings": _encoded(endpoint, "service_settings")[0]}
    path = f"{_string(endpoint, 'task_type')}/{_string(endpoint, 'inference_id')}"
    lists = {name: _encoded(pipeline, name) for name in _LISTS}
    meta = _encoded(pipeline, "metadata")[0]
    described = {"description": _string(pipeline, "description"), "_meta": meta, **lists}
    return Left((_string(pipeline, "name"), described), (path, body))


def _string(block: str, name: str) -> str:
    found = re.search(rf'^  {name} += "([^"]+)"$', block, re.MULTILINE)
    assert found, name
    return found[1]


def _encoded(block: str, name: str) -> list[Any]:
    """The values of an attribute that is one `jsonencode` or a list of them."""
    after = re.split(rf"^  {name} += ", block, flags=re.MULTILINE)[1]
    own = re.split(r"^  \w+ += ", after, flags=re.MULTILINE)[0]
    return [json.loads(text) for text in re.findall(r"jsonencode\((.+?)\)$", own.replace("),", ")"), re.DOTALL | re.MULTILINE)]

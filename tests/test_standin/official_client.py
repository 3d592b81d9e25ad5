"""The official Python client, whichever major version is installed, as the tests call it: synchronous or not, by name.

Knows which of its methods the stand-in is for. Nothing is adapted between client and stand-in: arguments go in, bodies come out.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import elasticsearch
from elasticsearch import AsyncElasticsearch, Elasticsearch

MAJOR: int = elasticsearch.__version__[0]
NAMESPACES = ("inference", "ingest", "ml")

PUT_SERVICES: Mapping[str, str] = {
    "put_ai21": "ai21",
    "put_alibabacloud": "alibabacloud-ai-search",
    "put_amazonbedrock": "amazonbedrock",
    "put_amazonsagemaker": "amazon_sagemaker",
    "put_anthropic": "anthropic",
    "put_azureaistudio": "azureaistudio",
    "put_azureopenai": "azureopenai",
    "put_cohere": "cohere",
    "put_contextualai": "contextualai",
    "put_custom": "custom",
    "put_deepseek": "deepseek",
    "put_elasticsearch": "elasticsearch",
    "put_elser": "elser",
    "put_fireworksai": "fireworksai",
    "put_googleaistudio": "googleaistudio",
    "put_googlevertexai": "googlevertexai",
    "put_groq": "groq",
    "put_hugging_face": "hugging_face",
    "put_jinaai": "jinaai",
    "put_llama": "llama",
    "put_mistral": "mistral",
    "put_nvidia": "nvidia",
    "put_openai": "openai",
    "put_openshift_ai": "openshift_ai",
    "put_voyageai": "voyageai",
    "put_watsonx": "watsonxai",
}
_GEO = "databases of addresses have nothing to do with inference"
_EIS = "region policies exist only where the Elastic Inference Service does"
_MODELS = "the stand-in's models come from the service elasticsearch, or as if eland had loaded them"
OUT_OF_SCOPE: Mapping[str, str] = {
    "inference.delete_region_policy": _EIS,
    "inference.get_region_policy": _EIS,
    "inference.put_region_policy": _EIS,
    "ingest.delete_geoip_database": _GEO,
    "ingest.delete_ip_location_database": _GEO,
    "ingest.geo_ip_stats": _GEO,
    "ingest.get_geoip_database": _GEO,
    "ingest.get_ip_location_database": _GEO,
    "ingest.put_geoip_database": _GEO,
    "ingest.put_ip_location_database": _GEO,
    "ingest.processor_grok": "a list of patterns, constant in every server",
    "ml.clear_trained_model_deployment_cache": "deployments of the stand-in have no cache",
    "ml.delete_trained_model": _MODELS,
    "ml.delete_trained_model_alias": _MODELS,
    "ml.get_trained_models": _MODELS,
    "ml.infer_trained_model": "inference is asked of endpoints",
    "ml.put_trained_model": _MODELS,
    "ml.put_trained_model_alias": _MODELS,
    "ml.put_trained_model_definition_part": _MODELS,
    "ml.put_trained_model_vocabulary": _MODELS,
}


def surface() -> frozenset[str]:
    """Every public method of the client that is about inference, pipelines or trained models, such as `inference.put`.

    The rest of `ml` is anomaly detection and data frames.
    """
    client = Elasticsearch("http://127.0.0.1:9")
    found = {
        f"{namespace}.{name}"
        for namespace in NAMESPACES
        for name, _ in inspect.getmembers(getattr(client, namespace), inspect.ismethod)
        if not name.startswith("_") and name != "perform_request"
    }
    client.close()
    return frozenset(name for name in found if not name.startswith("ml.") or "trained_model" in name)


class Caller:
    """Calls methods by name and answers bodies."""

    def __init__(self, client: Elasticsearch | AsyncElasticsearch) -> None:
        self._client = client

    async def __call__(self, method: str, **arguments: Any) -> Any:
        """The body of the answer. Raises what the client raises."""
        target: Any = self._client
        for part in method.split("."):
            target = getattr(target, part)
        answer = target(**arguments)
        return (await answer if inspect.isawaitable(answer) else answer).body

    async def put_service(self, method: str, task_type: str, inference_id: str, body: Mapping[str, Any]) -> Any:
        """One of the methods that are named after a service; the parameter of the id has the service's name in it."""
        parameters = inspect.signature(getattr(self._client.inference, method)).parameters
        (id_parameter,) = (name for name in parameters if name.endswith("_inference_id"))
        return await self(f"inference.{method}", task_type=task_type, **{id_parameter: inference_id}, **body)

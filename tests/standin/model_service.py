"""Service `elasticsearch` (alias `elser`): parsing its settings, and starting the deployment behind an endpoint.

Third-party services live in `third_party.py`; how a deployment evolves is in `deployments.py`.
"""

from __future__ import annotations

from tests.standin import deployments
from tests.standin.catalogue import Service
from tests.standin.deployments import BUILT_IN_MODELS, PLATFORM_SUFFIX
from tests.standin.errors import bad_request, illegal_argument, not_found, status_error
from tests.standin.java_text import java_text
from tests.standin.messages import Json
from tests.standin.setting_parsers import SERVICE_SETTINGS, TASK_SETTINGS, Block, refuse_leftovers
from tests.standin.state import Deployment, Endpoint, Model, State
from tests.standin.third_party import take_chunking, take_object

NAME = "elasticsearch"
ELSER = "elser"
ELSER_WARNING = (
    "The [elser] service is deprecated and will be removed in a future release. "
    "Use the [elasticsearch] service instead, with [model_id] set to [.elser_model_2] in the [service_settings]"
)
_ADAPTIVE_FIELDS = ("enabled", "min_number_of_allocations", "max_number_of_allocations")


def parse_request(state: State, service: Service, inference_id: str, task_type: str, config: Json) -> Endpoint:
    """The endpoint that a create request describes. Raises what the server raises; nothing is started yet."""
    given = take_object(config, SERVICE_SETTINGS)
    if given is None:
        raise bad_request("Missing required field [service_settings]")
    tasks = take_object(config, TASK_SETTINGS) or {}
    chunking = take_chunking(config, service, task_type, state.version)
    if task_type not in service.task_types:
        raise bad_request(f"The [{service.name}] service does not support task type [{task_type}]")
    if "deployment_id" in given and service.name == NAME:
        settings = _attached(state, given)
    else:
        settings = _own(state, service, task_type, given)
    task_settings = _task_settings(tasks, task_type)
    for left in (config, given, tasks):
        refuse_leftovers(left, service.name, state.version)
    return Endpoint(
        inference_id,
        task_type,
        NAME,
        settings | _vector_settings(state, task_type, settings["model_id"]),
        task_settings=task_settings,
        chunking_settings=chunking,
        deployment_id=settings.get("deployment_id"),
    )


def _own(state: State, service: Service, task_type: str, given: Json) -> Json:
    """Settings of an endpoint that starts a deployment of its own; understood keys leave `given`."""
    model_id = _model_id(state, service, given)
    without_threads = given.get("num_threads") is None
    block = Block(SERVICE_SETTINGS, given)
    settings: Json = {}
    for name in ("num_allocations", "num_threads"):
        if (number := parse_positive(block, name)) is not None:
            settings[name] = number
    settings["model_id"] = model_id
    if (adaptive := parse_adaptive(block)) is not None:
        settings["adaptive_allocations"] = adaptive
    if task_type == "rerank":
        settings |= {name: given.pop(name) for name in ("long_document_strategy", "max_chunks_per_doc") if name in given}
    if without_threads:
        block.missing("num_threads")
    if "num_allocations" not in settings and "adaptive_allocations" not in settings:
        block.invalid_choice(("num_allocations", "adaptive_allocations"))
    block.check()
    _check_model(state, model_id, task_type)
    return settings


def _model_id(state: State, service: Service, given: Json) -> str:
    value = given.pop("model_id", None)
    if value is not None:
        return str(value)
    if service.name != ELSER:
        raise illegal_argument("Error parsing service settings, model_id must be provided")
    return ".elser_model_2" + (PLATFORM_SUFFIX if state.cluster.platform == "linux-x86_64" else "")


def parse_positive(block: Block, name: str) -> int | None:
    """Take a positive integer out of the block; None when absent or wrong (which is then noted)."""
    value = block.left.pop(name, None)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        block.wrong_type(name, value, "Integer")
    elif value <= 0:
        block.invalid(f"Invalid value [{value}]. [{name}] must be a positive integer")
    else:
        return value
    return None


def parse_adaptive(block: Block) -> Json | None:
    """Take `adaptive_allocations` out of the block, checked."""
    value = block.left.pop("adaptive_allocations", None)
    if value is None:
        return None
    if not isinstance(value, dict):
        block.wrong_type("adaptive_allocations", value, "Map")
        return None
    foreign = {name: item for name, item in value.items() if name not in _ADAPTIVE_FIELDS}
    if foreign:
        raise bad_request(f"Configuration contains settings [{java_text(foreign)}] unknown to the [{NAME}] service")
    low, high = _whole(block, value, "min_number_of_allocations"), _whole(block, value, "max_number_of_allocations")
    # The words of these two refusals are unverified: a create with min -1, and one with max below min, settle them.
    if low is not None and low < 0:
        block.errors.append(f"[min_number_of_allocations] must be a non-negative integer or null, but was [{low}]")
    if high is not None and high < max(1, low or 0):
        block.errors.append(f"[max_number_of_allocations] must not be less than [{max(1, low or 0)}], but was [{high}]")
    return dict(value)


def _whole(block: Block, adaptive: Json, name: str) -> int | None:
    value = adaptive.get(name)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    block.wrong_type(name, value, "Integer")
    return None


def _check_model(state: State, model_id: str, task_type: str) -> Model:
    model = deployments.known_model(state, model_id)
    if model is None:
        foreign = "Error parsing request config, model id does not match any models available on this platform. "
        eland = "" if model_id in BUILT_IN_MODELS else ". You may need to load it into the cluster using eland."
        raise illegal_argument(f"{foreign}Was [{model_id}]{eland}")
    if model.task_type != task_type:
        raise bad_request(
            f"Deployed model [{model_id}] with type [{model.task_type}] does not match the requested task type [{task_type}]"
        )
    return model


def _attached(state: State, given: Json) -> Json:
    """Settings of an endpoint on somebody else's deployment: read from that deployment."""
    deployment_id = str(given.pop("deployment_id"))
    deployment = state.deployments.get(deployment_id)
    if deployment is None:
        raise status_error(404, f"Cannot find deployment [{deployment_id}]")
    model_id = given.pop("model_id", None)
    if model_id is not None and model_id != deployment.model_id:
        raise bad_request(
            f"Deployment [{deployment_id}] uses model [{deployment.model_id}] "
            f"which does not match the model [{model_id}] in the request."
        )
    for name in ("num_allocations", "num_threads", "adaptive_allocations"):
        given.pop(name, None)
    settings: Json = {
        "num_allocations": deployment.target,
        "num_threads": deployment.threads,
        "model_id": deployment.model_id,
        "deployment_id": deployment_id,
    }
    return settings | ({"adaptive_allocations": dict(deployment.adaptive)} if deployment.adaptive else {})


def _task_settings(tasks: Json, task_type: str) -> Json:
    if task_type != "rerank":
        return {}
    block = Block(TASK_SETTINGS, tasks)
    value = tasks.pop("return_documents", True)
    if not isinstance(value, bool):
        block.wrong_type("return_documents", value, "Boolean")
    block.check()
    return {"return_documents": value}


def _vector_settings(state: State, task_type: str, model_id: str) -> Json:
    """Dense models loaded by the user show what their vectors are like.

    Whether the built-in one does is unverified: a GET of an endpoint on it settles it.
    """
    if task_type != "text_embedding" or model_id in BUILT_IN_MODELS:
        return {}
    return {"dimensions": state.provider.dimensions.get(model_id, 384), "similarity": "cosine", "element_type": "float"}


def check_unique(state: State, inference_id: str) -> None:
    """An endpoint id must not be that of a running deployment or a trained model."""
    if inference_id in state.deployments or inference_id in state.models:
        raise bad_request(
            f"Inference endpoint IDs must be unique. Requested inference endpoint ID [{inference_id}] "
            "matches existing trained model ID(s) but must not."
        )


def begin_download(state: State, now: float, endpoint: Endpoint) -> tuple[State, float]:
    """Download the model of an endpoint unless it is there; answers when that is complete."""
    model_id = endpoint.service_settings["model_id"]
    model = deployments.known_model(state, model_id)
    if model is None:
        raise not_found(f"No known trained model with model_id [{model_id}]")
    return deployments.download(state, now, model)


def begin_deployment(state: State, now: float, endpoint: Endpoint) -> tuple[State, Deployment]:
    """Start the deployment of an endpoint, under the endpoint's own id."""
    return deployments.start(state, now, endpoint.inference_id, endpoint.service_settings, by_endpoint=True)

"""`POST /_inference…`: inference itself, plain and streamed, with the refusals of the server.

Decides the order of checks and who does the work: a deployment of the cluster, or the provider (`provider.py`).
"""

from __future__ import annotations

from functools import partial

from tests.standin import deployments, model_service, provider
from tests.standin.catalogue import Service, find_service
from tests.standin.default_endpoints import find_endpoint, is_preconfigured
from tests.standin.errors import ElasticsearchError, bad_request, not_found, status_error
from tests.standin.inference_create import default_timeout
from tests.standin.licensing import check_license
from tests.standin.messages import Action, Request, Response, Step, Waiting
from tests.standin.perform_request import PerformRequest, read_question, read_request
from tests.standin.perform_view import error_event, render_result, stream, whole_chat
from tests.standin.provider_errors import timed_out
from tests.standin.reading import ANY_TASK
from tests.standin.results import Chunks, Question, Verdict
from tests.standin.state import Endpoint, State
from tests.standin.version import Version

_STREAMING = ("completion", "chat_completion")
# Services with a completion that they do not stream: unverified, a `_stream` call on such an endpoint settles each.
_WITHOUT_STREAM = frozenset({"alibabacloud-ai-search", "custom", "tencent_cloud_ai_search"})


def prepare_perform(request: Request, version: Version) -> Action:
    """Inference by any path."""
    asked = read_request(request, version)
    return lambda state, now: _perform(asked, state, now)


def _perform(asked: PerformRequest, state: State, now: float, deadline: float | None = None) -> Step:
    """Streams answer their errors as an event, everything else as a body."""
    try:
        return _answered(asked, state, now, deadline)
    except ElasticsearchError as error:
        if not asked.stream:
            raise
        return Step(state, error_event(error))


def _answered(asked: PerformRequest, state: State, now: float, until: float | None) -> Step:
    state, endpoint = _find(asked, state, now)
    _check_streaming(asked, endpoint, state)
    question = read_question(asked, endpoint, state.version)
    wait = asked.wait if asked.wait is not None else default_timeout(endpoint.task_type, state.version)
    deadline = now + wait if until is None else until
    then = partial(_finish, asked, endpoint, question)
    if endpoint.service != model_service.NAME:
        return provider.consult(state, now, endpoint, question, wait, then)
    state, ready = _use_model(state, now, endpoint)
    if ready <= now:
        return then(state, now, provider.infer(state.provider, endpoint, question))
    if now >= deadline:
        raise timed_out(state.version, asked.inference_id, wait)
    return Step(state, Waiting(min(ready, deadline), partial(_perform, asked, deadline=deadline), watches=True))


def _find(asked: PerformRequest, state: State, now: float) -> tuple[State, Endpoint]:
    """The endpoint as this node knows it, which may be older than the stored one for a moment after an update."""
    check_license(state)
    state, endpoint = find_endpoint(state, asked.inference_id)
    if endpoint is None:
        raise not_found(f"Inference endpoint not found [{asked.inference_id}]")
    if asked.task not in (ANY_TASK, endpoint.task_type):
        raise bad_request(
            f"Incompatible task_type, the requested type [{asked.task}] does not match the model type [{endpoint.task_type}]"
        )
    if _service(endpoint, state) is None:
        raise bad_request(f"Unknown service [{endpoint.service}] for model [{asked.inference_id}]")
    remembered = state.outdated.get(asked.inference_id)
    return state, remembered.endpoint if remembered is not None and now < remembered.until else endpoint


def _service(endpoint: Endpoint, state: State) -> Service | None:
    return find_service(endpoint.service, state.version, vendor_services=state.cluster.vendor_services)


def _check_streaming(asked: PerformRequest, endpoint: Endpoint, state: State) -> None:
    name, task = endpoint.service, endpoint.task_type
    if not asked.stream:
        if task == "chat_completion" and not state.version.since("9.6"):
            raise bad_request(
                "The task type for the inference entity is chat_completion, "
                f"please use the _inference/chat_completion/{asked.inference_id}/_stream URL."
            )
        return
    service = _service(endpoint, state)
    supported = service.supported_tasks(state.version) if service and name not in _WITHOUT_STREAM else ()
    streaming = [one for one in _STREAMING if one in supported]
    if not streaming:
        raise status_error(405, f"Streaming is not allowed for service [{name}].")
    if task not in streaming:
        reason = f"Streaming is not allowed for service [{name}] and task [{task}]. Supported tasks: [{','.join(streaming)}]"
        raise status_error(405, reason)


def _finish(asked: PerformRequest, endpoint: Endpoint, question: Question, state: State, now: float, verdict: Verdict) -> Step:
    if verdict is None:
        # A provider that answers nothing: status and words are unverified, a proxy that answers an empty 200 settles them.
        reason = f"Response body was empty for inference entity id [{endpoint.inference_id}]"
        verdict = ElasticsearchError(500, "illegal_state_exception", reason)
    if isinstance(verdict, ElasticsearchError):
        return Step(state, error_event(verdict) if asked.stream else verdict.response())
    if not isinstance(verdict, Chunks):
        return Step(state, Response(200, render_result(endpoint.task_type, verdict, question)))
    if asked.stream:
        return Step(state, stream(verdict))
    if verdict.error is not None:
        return Step(state, verdict.error.response())
    return Step(state, Response(200, whole_chat(verdict.chunks)))


def _use_model(state: State, now: float, endpoint: Endpoint) -> tuple[State, float]:
    """In-cluster models need their deployment; a default endpoint starts it. Answers when it is there."""
    deployment_id = endpoint.deployment_id or endpoint.inference_id
    default = is_preconfigured(state, endpoint.inference_id)
    deployment = state.deployments.get(deployment_id)
    if deployment is None and default:
        state, _ = model_service.begin_download(state, now, endpoint)
        state, deployment = model_service.begin_deployment(state, now, endpoint)
    if deployment is None:
        # Unverified wording; a call after the deployment was stopped by the ML API settles it.
        raise not_found(f"Model deployment [{deployment_id}] must be started before it can be used")
    current = deployments.progress(deployment, state.pace, now)
    if current.state == "started":
        return deployments.use(state, now, deployment), now
    if current.state == "starting" and default:
        return state, deployments.started_at(deployment, state.pace)
    raise status_error(409, f"Trained model deployment [{deployment_id}] is not allocated to any nodes")

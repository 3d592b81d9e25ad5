"""Which ids, task types and service names may be asked for. Imports only the schema rules.

Source of the form of an inference id: the check of Elasticsearch's create call. Dots inside are accepted although its
message does not name them. Task types and services are open: the next Elasticsearch may have more of them.

For pipelines Elasticsearch takes any name and warns about some. Refused here is what it warns about, and what it would read
as more than one pipeline or as a command: commas, wildcards, and a leading underscore, as in `_all`, `_none` and `_simulate`.
Upper-case letters are accepted: many pipelines have them.
"""

from typing import Annotated

from pydantic import Field

from inference_operator.api.rules import matching, validations

# Elasticsearch stores an endpoint as document `model_<id>`, and a document id has at most 512 bytes.
_ID_LENGTH = 506
# Elasticsearch warns about longer ones.
_PIPELINE_ID_LENGTH = 255

_check_id, _id_rule = matching(
    r"^[.]?[a-z0-9]([a-z0-9_.-]*[a-z0-9])?$",
    "an inference id consists of lower-case letters, digits, hyphens, underscores and dots,"
    " and starts and ends with a letter or digit",
)
_check_task, _task_rule = matching(
    r"^[a-z][a-z0-9_]*$",
    "a task type consists of lower-case letters, digits and underscores, such as text_embedding",
)
_check_service, _service_rule = matching(
    r"^[a-zA-Z0-9]([a-zA-Z0-9_.-]*[a-zA-Z0-9])?$",
    "the name of a service consists of letters, digits, hyphens, underscores and dots, such as openai",
)

_check_pipeline, _pipeline_rule = matching(
    r"^[.]?[a-zA-Z0-9@][a-zA-Z0-9_.@+-]*$",
    "a pipeline id consists of letters, digits, hyphens, underscores, dots, @ and +,"
    " and starts with a letter, a digit or @, or with one dot before that",
)

InferenceId = Annotated[str, _check_id, Field(max_length=_ID_LENGTH, json_schema_extra=validations(_id_rule))]
PipelineId = Annotated[str, _check_pipeline, Field(max_length=_PIPELINE_ID_LENGTH, json_schema_extra=validations(_pipeline_rule))]
TaskType = Annotated[str, _check_task, Field(max_length=64, json_schema_extra=validations(_task_rule))]
ServiceName = Annotated[str, _check_service, Field(max_length=128, json_schema_extra=validations(_service_rule))]


def is_reserved(inference_id: str) -> bool:
    """Whether only Elasticsearch itself may create the id: those with a leading dot."""
    return inference_id.startswith(".")

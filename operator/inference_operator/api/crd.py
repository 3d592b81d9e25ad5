"""From the models to the CustomResourceDefinitions. A kind is data here; a new one is an entry of `KINDS`.

Builds plain dicts; writing them as YAML is the business of `inference_operator.manifests`.
"""

from dataclasses import dataclass
from typing import Any

from inference_operator.api.inference_endpoint import KIND as INFERENCE_ENDPOINT
from inference_operator.api.inference_endpoint import InferenceEndpoint
from inference_operator.api.ingest_pipeline import KIND as INGEST_PIPELINE
from inference_operator.api.ingest_pipeline import IngestPipeline
from inference_operator.api.meta import GROUP, VERSION, ApiModel
from inference_operator.api.structural import structural, without_defaults

CATEGORY = "inference"

_API_VERSION = (
    "Version of this representation of the object. See"
    " https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources"
)
_KIND = "Kind of the object. See https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `kubectl get`.

    Attributes:
        name: The heading.
        json_path: Where the value is.
        description: What it says, for clients that show it.
        type: OpenAPI type of the value.
        wide: Shown with `-o wide` only.
    """

    name: str
    json_path: str
    description: str
    type: str = "string"
    wide: bool = False

    def manifest(self) -> dict[str, Any]:
        """Return the entry of `additionalPrinterColumns`."""
        return {
            "name": self.name,
            "type": self.type,
            "description": self.description,
            "jsonPath": self.json_path,
            # The API server leaves a zero out when it is asked; GitOps tools would take a written one for a difference.
            **({"priority": 1} if self.wide else {}),
        }


@dataclass(frozen=True, slots=True)
class Kind:
    """What a CustomResourceDefinition needs to know besides the model.

    Attributes:
        name: The kind, in CamelCase; the singular is the same in lower case.
        plural: The name in URLs and RBAC rules.
        short_names: What `kubectl get` takes besides.
        model: The model, with the fields `spec` and `status`.
        columns: The columns of `kubectl get`, in order.
        selectable: JSON paths that `--field-selector` takes.
    """

    name: str
    plural: str
    short_names: tuple[str, ...]
    model: type[ApiModel]
    columns: tuple[Column, ...]
    selectable: tuple[str, ...] = ()


def _ready(field: str) -> str:
    return f'.status.conditions[?(@.type=="Ready")].{field}'


KINDS = (
    Kind(
        name=INFERENCE_ENDPOINT,
        plural="inferenceendpoints",
        short_names=("infep",),
        model=InferenceEndpoint,
        columns=(
            Column("Ready", _ready("status"), "Whether the endpoint exists as written and can be used"),
            Column("Reason", _ready("reason"), "Why it is ready or not"),
            Column("Service", ".spec.service", "The service that runs the model"),
            Column("Task", ".spec.taskType", "What the endpoint does"),
            Column("Model", ".status.model.id", "The model behind the endpoint"),
            Column("Id", ".status.inferenceId", "Id of the endpoint in Elasticsearch", wide=True),
            Column("Cluster", ".status.cluster.uuid", "UUID of the Elasticsearch cluster", wide=True),
            Column(
                "Allocations",
                ".status.deployment.allocationCount",
                "Running allocations of an in-cluster model",
                type="integer",
                wide=True,
            ),
            Column("Dimensions", ".status.model.dimensions", "Length of the vectors", type="integer", wide=True),
            Column("Age", ".metadata.creationTimestamp", "Time since the object was created", type="date"),
        ),
        selectable=(".spec.service", ".spec.taskType"),
    ),
    Kind(
        name=INGEST_PIPELINE,
        plural="ingestpipelines",
        short_names=("ingp",),
        model=IngestPipeline,
        columns=(
            Column("Ready", _ready("status"), "Whether the pipeline exists as written and can be used"),
            Column("Reason", _ready("reason"), "Why it is ready or not"),
            Column("Processors", ".status.processors", "How many processors it has", type="integer"),
            Column("Endpoints", ".status.endpoints", "Inference endpoints and trained models that it names"),
            Column("Id", ".status.pipelineId", "Id of the pipeline in Elasticsearch", wide=True),
            Column("Cluster", ".status.cluster.uuid", "UUID of the Elasticsearch cluster", wide=True),
            Column("Age", ".metadata.creationTimestamp", "Time since the object was created", type="date"),
        ),
    ),
)


def manifests() -> dict[str, dict[str, Any]]:
    """Return the CustomResourceDefinitions of all kinds by file name, as `GROUP_PLURAL.yaml`."""
    return {f"{GROUP}_{kind.plural}.yaml": manifest(kind) for kind in KINDS}


def manifest(kind: Kind) -> dict[str, Any]:
    """Return the CustomResourceDefinition of one kind."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "singular": kind.name.lower(),
                "shortNames": list(kind.short_names),
                "categories": [CATEGORY],
            },
            "versions": [_version(kind)],
        },
    }


def _version(kind: Kind) -> dict[str, Any]:
    return {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [column.manifest() for column in kind.columns],
        # Left out where empty, as the API server does: GitOps tools would see a difference.
        **({"selectableFields": [{"jsonPath": path} for path in kind.selectable]} if kind.selectable else {}),
        "schema": {"openAPIV3Schema": schema(kind.model)},
    }


def schema(model: type[ApiModel]) -> dict[str, Any]:
    """Return the structural schema of a kind: that of its model, with the parts that Kubernetes itself defines."""
    root = structural(model.model_json_schema())
    fields = root["properties"]
    # A default inside the status would turn up in every object; this one makes a new object "in progress" at once for
    # all tools that compare generations, before the operator has seen it.
    status = without_defaults(fields["status"]) | {"default": {"observedGeneration": -1}}
    root["properties"] = {
        "apiVersion": {"description": _API_VERSION, "type": "string"},
        "kind": {"description": _KIND, "type": "string"},
        "metadata": {"type": "object"},
        "spec": fields["spec"],
        "status": status,
    }
    root["required"] = ["spec"]
    return root

"""What an operator of the operator can set: by flag, by environment (`INFERENCE_OPERATOR_…`), or in a YAML file.

A flag wins over the environment, the environment over the file (`--config FILE`), the file over the default.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    CliApp,
    CliSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)

_DURATION = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>ms|s|m|h)?")
_UNITS = {"ms": 0.001, "s": 1.0, None: 1.0, "m": 60.0, "h": 3600.0}


def _seconds(value: object) -> object:
    """`10m`, `30s`, `500ms` or a number of seconds."""
    if not isinstance(value, str):
        return value
    match = _DURATION.fullmatch(value.strip())
    if match is None:
        raise ValueError("write a duration such as 500ms, 30s, 10m or 1h")
    return float(match["number"]) * _UNITS[match["unit"]]


def _names(value: object) -> object:
    """`a,b` as well as a list."""
    if isinstance(value, str):
        return tuple(name for name in re.split(r"[,\s]+", value) if name)
    return value


Seconds: TypeAlias = Annotated[float, BeforeValidator(_seconds)]
Names: TypeAlias = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)]


class Settings(BaseSettings):
    """One frozen value, read once at the start."""

    model_config = SettingsConfigDict(
        env_prefix="INFERENCE_OPERATOR_",
        frozen=True,
        extra="forbid",
        cli_kebab_case=True,
        nested_model_default_partial_update=False,
    )
    config_file: ClassVar[Path | None] = None

    namespace: Names = Field((), description="Namespaces to watch, separated by commas. None: all of them.")
    namespace_selector: str = Field(
        "",
        description="Watch the namespaces whose labels match, in the words of kubectl get --selector, instead of a list."
        " Needs the right to list and watch namespaces; labels that change are followed.",
    )
    operator_namespace: str = Field(
        "default",
        description="The namespace that the operator runs in. The default connection always serves it.",
    )
    kubeconfig: Path | None = Field(
        None, description="A kubeconfig file. Without it: the pod's ServiceAccount, else KUBECONFIG, else ~/.kube/config."
    )
    context: str | None = Field(None, description="The context of the kubeconfig file.")
    default_connection_path: Path | None = Field(
        None,
        description="A folder with the files of a connection Secret (url, api-key | username, password | token, ca.crt, …),"
        " mostly a mounted Secret. Objects without elasticsearchRef use it.",
    )
    default_connection_secret: str | None = Field(
        None, description="A connection Secret as NAMESPACE/NAME, instead of --default-connection-path."
    )
    default_connection_namespaces: Names = Field(
        (), description="Namespaces whose objects may use the default connection, beside the operator's own; * means all."
    )
    extra_ca_file: Path | None = Field(
        None,
        description="A PEM file of certificate authorities to trust for Elasticsearch beside those of the system, where a"
        " connection brings no ca.crt. Read anew for each new connection, and with each comparison.",
    )
    resync_interval: Seconds = Field(600.0, ge=1, description="How often each Elasticsearch cluster is compared as a whole.")
    concurrency_per_cluster: int = Field(8, ge=1, le=64, description="Objects of one Elasticsearch cluster in work at once.")
    requests_per_second: float = Field(50.0, gt=0, description="Budget of requests to one Elasticsearch cluster.")
    backoff_max: Seconds = Field(300.0, ge=1, description="The longest pause between two attempts on one object.")
    leader_elect: bool = Field(
        False, description="Hold a Lease while working, so that of several replicas one works and the others stand by."
    )
    lease_name: str = Field("inference-operator", min_length=1, description="Name of the Lease.")
    lease_namespace: str | None = Field(None, description="Namespace of the Lease. Default: --operator-namespace.")
    lease_duration: Seconds = Field(
        15.0, gt=0, description="A replica that stands by takes over when the Lease was not renewed so long."
    )
    lease_renew_deadline: Seconds = Field(
        10.0, gt=0, description="A leader that could not renew for so long stops writing and ends; shorter than --lease-duration."
    )
    watch_silence: Seconds = Field(
        300.0,
        ge=1,
        description="/livez fails once a watch said nothing for so long. API servers send bookmarks about once a minute.",
    )
    probe_address: str = Field("0.0.0.0", description="Where /livez and /readyz listen.")  # noqa: S104 - a kubelet must reach it
    probe_port: int = Field(8080, ge=0, le=65535, description="Port of /livez and /readyz; 0 picks a free one and logs it.")
    metrics_address: str = Field("0.0.0.0", description="Where /metrics listens.")  # noqa: S104 - Prometheus must reach it
    metrics_port: int = Field(8081, ge=-1, le=65535, description="Port of /metrics; 0 picks a free one and logs it, -1: none.")
    metrics_cert_file: Path | None = Field(
        None, description="A PEM file with the certificate of /metrics, for TLS. Read again when it changes."
    )
    metrics_key_file: Path | None = Field(None, description="The key of --metrics-cert-file, PEM, without a password.")
    metrics_auth: bool = Field(
        False, description="Let only those scrape whose token Kubernetes knows, and whom it lets get the path /metrics."
    )
    shutdown_grace: Seconds = Field(20.0, ge=0, description="How long work in hand may take after SIGTERM.")
    audit_log: str = Field(
        "-",
        min_length=1,
        description="Where records of writes to Elasticsearch go: a file, which is appended to, - for standard output, or off.",
    )
    tracing: Literal["off", "otlp"] = Field(
        "off",
        description="otlp sends traces of passes and requests by OTLP over HTTP, as OpenTelemetry's environment variables"
        " (OTEL_EXPORTER_OTLP_ENDPOINT, …) say.",
    )
    log_format: Literal["json", "console"] = Field("json", description="json for machines, console for people.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least severe record to write.")

    @field_validator("default_connection_secret")
    @classmethod
    def _is_namespaced(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[^/\s]+/[^/\s]+", value):
            raise ValueError("write it as NAMESPACE/NAME")
        return value

    @model_validator(mode="after")
    def _chooses_namespaces_in_one_way(self) -> Settings:
        if self.namespace and self.namespace_selector:
            raise ValueError("give namespace or namespace_selector, not both")
        return self

    @model_validator(mode="after")
    def _has_one_default_connection(self) -> Settings:
        if self.default_connection_path is not None and self.default_connection_secret is not None:
            raise ValueError("give default_connection_path or default_connection_secret, not both")
        return self

    @model_validator(mode="after")
    def _has_a_certificate_with_its_key(self) -> Settings:
        if (self.metrics_cert_file is None) != (self.metrics_key_file is None):
            raise ValueError("give both metrics_cert_file and metrics_key_file, or neither")
        return self

    @model_validator(mode="after")
    def _has_a_lease_that_lasts(self) -> Settings:
        if self.lease_renew_deadline >= self.lease_duration:
            raise ValueError("lease_renew_deadline must be shorter than lease_duration, or two replicas may write at once")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags and arguments first, then the environment, then the file."""
        del dotenv_settings, file_secret_settings
        file = YamlConfigSettingsSource(settings_cls, yaml_file=cls.config_file)
        return init_settings, env_settings, file


def load(arguments: list[str], config_file: Path | None) -> Settings:
    """Read all sources. Raises pydantic.ValidationError naming each wrong setting; prints help and exits on `--help`."""

    class CommandLine(Settings):
        """Keeps Kubernetes resources and Elasticsearch equal. Ends on SIGTERM, after the work in hand."""

    CommandLine.config_file = config_file
    return CliApp.run(CommandLine, cli_args=arguments, cli_settings_source=_arguments(CommandLine))


def _arguments(settings: type[Settings]) -> CliSettingsSource[Any]:
    return CliSettingsSource(settings, cli_parse_args=False, cli_prog_name="inference-operator run")

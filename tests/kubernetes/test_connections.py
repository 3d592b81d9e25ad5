"""From a reference to the material of a connection, in every form, with every way to fail."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from inference_operator.api.connection import ElasticsearchRef
from inference_operator.api.status import SourceKind
from inference_operator.core.failure import ReferenceFailure, ReferenceKind
from inference_operator.core.values import ObjectRef
from inference_operator.kubernetes.connections import ConnectionResolver, ConnectionSource, DefaultConnection
from inference_operator.kubernetes.default_connection import watch_folder
from inference_operator.shell.ports import KubernetesFailure
from tests.fake_kubernetes import FakeKubernetes, Moment
from tests.kubernetes.scripted_api import holding, passing
from tests.virtual_clock import VirtualClock

if TYPE_CHECKING:
    from pathlib import Path

CANARY = b"canary-77aa"
NONE = DefaultConnection(operator_namespace="operators")
ALLOW = "inference-operator.io/allow-namespaces"
ES = {"url": b"https://es:9200", "api-key": CANARY}


def ref(**fields: Any) -> ElasticsearchRef:
    return ElasticsearchRef.model_validate(fields)


def secret(namespace: str, name: str) -> ObjectRef:
    return ObjectRef(SourceKind.SECRET, namespace, name)


@pytest.fixture
def kubernetes() -> FakeKubernetes:
    return FakeKubernetes()


async def resolved(
    kubernetes: FakeKubernetes, reference: ElasticsearchRef | None, default: DefaultConnection = NONE, namespace: str = "shop"
) -> ConnectionSource:
    """What must be a connection."""
    resolver = ConnectionResolver(kubernetes, default)
    found = await resolver.resolve(reference, namespace)
    assert isinstance(found, ConnectionSource), found
    assert found.objects == resolver.dependencies(reference, namespace)
    assert {each: kubernetes.version_of(each) for each in found.versions} == found.versions
    return found


async def refused(
    kubernetes: FakeKubernetes, reference: ElasticsearchRef | None, default: DefaultConnection = NONE, namespace: str = "shop"
) -> ReferenceFailure:
    """What must be a failure. It never quotes a value."""
    found = await ConnectionResolver(kubernetes, default).resolve(reference, namespace)
    assert isinstance(found, ReferenceFailure), found
    assert CANARY.decode() not in repr(found)
    assert found.message.endswith(".")
    return found


class TestSecret:
    async def test_its_keys_are_the_material(self, kubernetes: FakeKubernetes) -> None:
        it = kubernetes.put_secret("shop", "my-es", ES | {"ca.crt": b"PEM", "unrelated": b"x"})
        found = await resolved(kubernetes, ref(secretName="my-es"))
        assert found.data == ES | {"ca.crt": b"PEM"}
        assert found.objects == (it,)
        assert set(found.versions) == {it}
        assert found.described == "Secret shop/my-es"

    async def test_values_are_never_shown(self, kubernetes: FakeKubernetes) -> None:
        kubernetes.put_secret("shop", "my-es", ES)
        assert CANARY.decode() not in repr(await resolved(kubernetes, ref(secretName="my-es")))

    async def test_a_missing_one_is_named_with_its_field(self, kubernetes: FakeKubernetes) -> None:
        failure = await refused(kubernetes, ref(secretName="my-es"))
        assert (failure.kind, failure.path) == (ReferenceKind.CONNECTION_NOT_FOUND, "spec.elasticsearchRef.secretName")
        assert failure.message.startswith("Secret shop/my-es does not exist.")

    async def test_a_missing_one_is_still_depended_on(self, kubernetes: FakeKubernetes) -> None:
        resolver = ConnectionResolver(kubernetes, NONE)
        assert resolver.dependencies(ref(secretName="my-es"), "shop") == (secret("shop", "my-es"),)

    @pytest.mark.parametrize("names", ["shop", "*", "a, shop ,b"])
    async def test_another_namespace_may_allow_it(self, kubernetes: FakeKubernetes, names: str) -> None:
        kubernetes.put_secret("search", "my-es", ES, {ALLOW: names})
        found = await resolved(kubernetes, ref(secretName="my-es", namespace="search"))
        assert found.described == "Secret search/my-es"

    @pytest.mark.parametrize("names", [None, "", "sho", "shopping", "a,b"])
    async def test_another_namespace_does_not_tell_what_it_has(self, kubernetes: FakeKubernetes, names: str | None) -> None:
        absent = await refused(kubernetes, ref(secretName="my-es", namespace="search"))
        kubernetes.put_secret("search", "my-es", ES, {ALLOW: names} if names is not None else {})
        present = await refused(kubernetes, ref(secretName="my-es", namespace="search"))
        assert present == absent
        assert (present.kind, present.path) == (ReferenceKind.CROSS_NAMESPACE_DENIED, "spec.elasticsearchRef.namespace")
        assert f"{ALLOW}: shop" in present.message

    async def test_the_own_namespace_needs_no_permission(self, kubernetes: FakeKubernetes) -> None:
        kubernetes.put_secret("shop", "my-es", ES)
        await resolved(kubernetes, ref(secretName="my-es", namespace="shop"))

    async def test_a_refused_reading_says_why(self, kubernetes: FakeKubernetes) -> None:
        kubernetes.fail_at(1, Moment.BEFORE, KubernetesFailure("get", "secrets is forbidden", 403, retryable=False))
        failure = await refused(kubernetes, ref(secretName="my-es"))
        assert failure.kind is ReferenceKind.UNREADABLE
        assert failure.message == "Secret shop/my-es can't be read: secrets is forbidden."


class TestEck:
    CA = secret("shop", "quickstart-es-http-certs-public")
    SUPERUSER = secret("shop", "quickstart-es-elastic-user")

    @pytest.fixture
    def cluster(self, kubernetes: FakeKubernetes) -> FakeKubernetes:
        """A cluster in the object's own namespace, set up."""
        self.set_up(kubernetes, "shop")
        return kubernetes

    @staticmethod
    def set_up(kubernetes: FakeKubernetes, namespace: str, allowed: str | None = None) -> None:
        kubernetes.put_elasticsearch(namespace, "quickstart", annotations={ALLOW: allowed} if allowed else {})
        kubernetes.put_secret(namespace, "quickstart-es-http-certs-public", {"ca.crt": b"PEM", "tls.crt": b"CHAIN"})
        kubernetes.put_secret(namespace, "quickstart-es-elastic-user", {"elastic": CANARY})

    async def test_what_eck_made_is_found_by_its_names(self, cluster: FakeKubernetes) -> None:
        found = await resolved(cluster, ref(name="quickstart"))
        assert found.data == {
            "url": b"https://quickstart-es-http.shop.svc:9200",
            "username": b"elastic",
            "password": CANARY,
            "ca.crt": b"PEM",
        }
        assert found.objects == (self.CA, self.SUPERUSER)
        assert set(found.versions) == {self.CA, self.SUPERUSER}
        assert found.described == "Elasticsearch shop/quickstart"

    async def test_plain_http_needs_no_ca(self, cluster: FakeKubernetes) -> None:
        cluster.put_elasticsearch("shop", "quickstart", tls=False)
        cluster.delete_secret("shop", "quickstart-es-http-certs-public")
        found = await resolved(cluster, ref(name="quickstart"))
        assert found.data["url"] == b"http://quickstart-es-http.shop.svc:9200"
        assert "ca.crt" not in found.data

    async def test_a_certificate_without_ca_is_left_to_the_system(self, cluster: FakeKubernetes) -> None:
        cluster.put_secret("shop", "quickstart-es-http-certs-public", {"tls.crt": b"CHAIN"})
        assert "ca.crt" not in (await resolved(cluster, ref(name="quickstart"))).data

    async def test_another_service_of_the_cluster(self, cluster: FakeKubernetes) -> None:
        found = await resolved(cluster, ref(name="quickstart", serviceName="ingest"))
        assert found.data["url"] == b"https://ingest.shop.svc:9200"

    @pytest.mark.parametrize(
        ("field", "wrong"),
        [
            ("serviceName", "attacker.example.com:8443/x"),
            ("serviceName", "attacker.example.com#"),
            ("serviceName", "elastic:changeme@attacker"),
            ("serviceName", "ingest.elsewhere"),
            ("serviceName", ""),
            ("serviceName", "a" * 64),
            ("namespace", "search.svc.attacker.example.com:80/"),
            ("name", "attacker.example.com/x"),
            ("name", "a" * 56),
        ],
    )
    async def test_what_was_stored_under_an_older_crd_leads_nowhere_else(
        self, kubernetes: FakeKubernetes, field: str, wrong: str
    ) -> None:
        fields: dict[str, Any] = {"name": "quickstart", "namespace": None, "serviceName": None, field: wrong}
        self.set_up(kubernetes, fields["namespace"] or "shop", allowed="*")
        kubernetes.put_elasticsearch(fields["namespace"] or "shop", fields["name"], tls=False, annotations={ALLOW: "*"})
        stored = ElasticsearchRef.model_construct(
            name=fields["name"], namespace=fields["namespace"], service_name=fields["serviceName"]
        )
        failure = await refused(kubernetes, stored)
        assert (failure.kind, failure.path) == (ReferenceKind.CONNECTION_INVALID, f"spec.elasticsearchRef.{field}")
        assert "at most 63 lower-case letters" in failure.message
        assert kubernetes.requests == []

    async def test_credentials_of_less_power(self, cluster: FakeKubernetes) -> None:
        chosen = cluster.put_secret("shop", "inference", {"username": b"u", "password": CANARY, "roles": b"r", "url": b"x"})
        found = await resolved(cluster, ref(name="quickstart", authSecretName="inference"))
        assert (found.data["username"], found.data["password"]) == (b"u", CANARY)
        assert found.data["url"] == b"https://quickstart-es-http.shop.svc:9200"
        assert "roles" not in found.data
        assert found.objects == (self.CA, chosen)

    async def test_chosen_credentials_lie_beside_the_object(self, kubernetes: FakeKubernetes) -> None:
        self.set_up(kubernetes, "search", allowed="shop")
        kubernetes.put_secret("shop", "inference", {"api-key": CANARY})
        kubernetes.put_secret("search", "inference", {"api-key": b"not this one"})
        found = await resolved(kubernetes, ref(name="quickstart", namespace="search", authSecretName="inference"))
        assert found.data["api-key"] == CANARY
        assert found.data["url"] == b"https://quickstart-es-http.search.svc:9200"

    async def test_another_namespace_does_not_tell_what_it_has(self, kubernetes: FakeKubernetes) -> None:
        kubernetes.eck_installed = True
        absent = await refused(kubernetes, ref(name="quickstart", namespace="search"))
        self.set_up(kubernetes, "search", allowed="others")
        present = await refused(kubernetes, ref(name="quickstart", namespace="search"))
        assert present == absent
        assert (present.kind, present.path) == (ReferenceKind.CROSS_NAMESPACE_DENIED, "spec.elasticsearchRef.namespace")

    @pytest.mark.parametrize(
        ("lost", "said"),
        [
            ("cluster", "Elasticsearch shop/quickstart does not exist."),
            ("eck", "ECK is not installed here"),
            ("quickstart-es-http-certs-public", "Secret shop/quickstart-es-http-certs-public does not exist."),
            ("quickstart-es-elastic-user", "name a Secret with credentials in spec.elasticsearchRef.authSecretName."),
        ],
    )
    async def test_what_is_missing_is_named(self, cluster: FakeKubernetes, lost: str, said: str) -> None:
        match lost:
            case "cluster":
                cluster.delete_elasticsearch("shop", "quickstart")
            case "eck":
                cluster.eck_installed = False
            case _:
                cluster.delete_secret("shop", lost)
        failure = await refused(cluster, ref(name="quickstart"))
        assert (failure.kind, failure.path) == (ReferenceKind.CONNECTION_NOT_FOUND, "spec.elasticsearchRef.name")
        assert said in failure.message

    async def test_chosen_credentials_that_are_missing(self, cluster: FakeKubernetes) -> None:
        failure = await refused(cluster, ref(name="quickstart", authSecretName="inference"))
        assert (failure.kind, failure.path) == (ReferenceKind.CONNECTION_NOT_FOUND, "spec.elasticsearchRef.authSecretName")
        assert "Secret shop/inference does not exist." in failure.message

    @pytest.mark.parametrize(
        ("name", "fields"), [("inference", {"authSecretName": "inference"}), ("quickstart-es-elastic-user", {})]
    )
    async def test_a_secret_without_credentials(self, cluster: FakeKubernetes, name: str, fields: dict[str, str]) -> None:
        cluster.put_secret("shop", name, {"roles": b"superuser"})
        failure = await refused(cluster, ref(name="quickstart", **fields))
        assert failure.kind is ReferenceKind.CONNECTION_INVALID
        assert f"Secret shop/{name} holds no credentials" in failure.message

    @pytest.mark.parametrize("request_number", [1, 2, 3])
    async def test_a_failing_reading_is_no_absence(self, cluster: FakeKubernetes, request_number: int) -> None:
        cluster.fail_at(request_number, Moment.BEFORE, KubernetesFailure("get", "the API server can't be reached: reset"))
        failure = await refused(cluster, ref(name="quickstart"))
        assert failure.kind is ReferenceKind.UNREADABLE


class TestDefault:
    SECRET = "operators/default-es"

    async def test_there_may_be_none(self, kubernetes: FakeKubernetes) -> None:
        failure = await refused(kubernetes, None)
        assert (failure.kind, failure.path) == (ReferenceKind.CONNECTION_NOT_FOUND, "spec.elasticsearchRef")
        assert failure.message == "The operator has no default connection: set spec.elasticsearchRef to name the cluster."

    async def test_it_may_be_a_secret(self, kubernetes: FakeKubernetes) -> None:
        it = kubernetes.put_secret("operators", "default-es", ES)
        found = await resolved(kubernetes, None, DefaultConnection("operators", ["*"], secret=self.SECRET))
        assert (found.data, found.objects) == (ES, (it,))
        assert found.described == "the operator's default connection"

    async def test_it_may_be_a_folder(self, kubernetes: FakeKubernetes, tmp_path: Path) -> None:
        for name, content in (ES | {"..data": b"", "unrelated": b"x"}).items():
            (tmp_path / name).write_bytes(content)
        found = await resolved(kubernetes, None, DefaultConnection("operators", ["*"], path=tmp_path))
        assert (found.data, found.objects) == (ES, ())
        assert kubernetes.requests == []

    @pytest.mark.parametrize(
        ("namespaces", "served"),
        [((), {"operators"}), (("shop",), {"operators", "shop"}), (("*",), {"operators", "shop", "other"})],
    )
    async def test_it_serves_only_whom_it_is_for(
        self, kubernetes: FakeKubernetes, namespaces: tuple[str, ...], served: set[str]
    ) -> None:
        kubernetes.put_secret("operators", "default-es", ES)
        default = DefaultConnection("operators", namespaces, secret=self.SECRET)
        for namespace in ("operators", "shop", "other"):
            if namespace in served:
                await resolved(kubernetes, None, default, namespace)
                continue
            failure = await refused(kubernetes, None, default, namespace)
            assert failure.kind is ReferenceKind.CROSS_NAMESPACE_DENIED
            assert f"does not serve namespace {namespace}." in failure.message

    async def test_a_broken_one_names_nothing_of_the_operators_namespace(
        self, kubernetes: FakeKubernetes, tmp_path: Path
    ) -> None:
        empty = DefaultConnection("operators", ["*"], path=tmp_path / "canary-folder")
        missing = DefaultConnection("operators", ["*"], secret="operators/canary-secret")
        for default, flag in ((empty, "--default-connection-path"), (missing, "--default-connection-secret")):
            failure = await refused(kubernetes, None, default)
            assert failure.kind is ReferenceKind.CONNECTION_NOT_FOUND
            assert "canary" not in failure.message
            assert flag in failure.message

    async def test_a_failing_reading_is_no_absence(self, kubernetes: FakeKubernetes) -> None:
        kubernetes.fail_at(1, Moment.BEFORE, KubernetesFailure("get", "no answer"))
        failure = await refused(kubernetes, None, DefaultConnection("operators", ["*"], secret=self.SECRET))
        assert failure.kind is ReferenceKind.UNREADABLE
        assert failure.message == "The operator's default connection can't be read: no answer."

    async def test_a_folder_that_changes_is_noticed(self, tmp_path: Path) -> None:
        clock, changes = VirtualClock(), list[None]()
        (tmp_path / "url").write_bytes(b"https://es:9200")
        task = asyncio.create_task(watch_folder(tmp_path, clock, lambda: changes.append(None)))
        await holding(lambda: clock.next_call is not None)
        (tmp_path / "unrelated").write_bytes(b"x")
        await clock.advance(10)
        await holding(lambda: clock.next_call is not None)
        assert changes == []
        (tmp_path / "api-key").write_bytes(CANARY)
        await passing(clock, lambda: len(changes) == 1)
        (tmp_path / "api-key").unlink()
        await passing(clock, lambda: len(changes) == 2)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

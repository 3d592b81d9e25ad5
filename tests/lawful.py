"""The laws that every status obeys, whatever happened."""

from inference_operator.api.inference_endpoint import InferenceEndpointStatus


def assert_lawful(status: InferenceEndpointStatus, generation: int) -> None:
    """Raise AssertionError naming the law that is broken."""
    conditions = {condition.type: condition for condition in status.conditions}
    assert "Ready" in conditions

"""What an autoscaler asks Prometheus. Pure.

Always a sum, and always by the label that vLLM itself sets: KEDA takes one number, and several engines export several.
"""


def demand_query(model: str, gateway_namespace: str) -> str:
    """Requests in service and waiting, of all gateways together.

    They say 0 where there are none, so that no answer at all is a failure and not an idle model. The gateways are there
    when no engine is (kedacore/keda#6040; vllm-project/production-stack#679, #903).
    """
    return f"sum(moorage_gateway_demand_requests{_of('model', model, gateway_namespace)})"


def waiting_query(model: str, namespace: str, *, zero_without_engines: bool) -> str:
    """Requests that engines have in their own queues."""
    return _engines("vllm:num_requests_waiting", model, namespace, zero_without_engines=zero_without_engines)


def running_query(model: str, namespace: str, *, zero_without_engines: bool) -> str:
    """Requests that engines compute."""
    return _engines("vllm:num_requests_running", model, namespace, zero_without_engines=zero_without_engines)


def _engines(metric: str, model: str, namespace: str, *, zero_without_engines: bool) -> str:
    total = f"sum({metric}{_of('model_name', model, namespace)})"
    return f"{total} or vector(0)" if zero_without_engines else total


def _of(label: str, model: str, namespace: str) -> str:
    return f'{{namespace="{label_value(namespace)}",{label}="{label_value(model)}"}}'


def label_value(text: str) -> str:
    """`text` as it stands between the quotes of a selector."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

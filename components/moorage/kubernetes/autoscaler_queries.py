"""What an autoscaler asks Prometheus. Pure.

Always a sum, and always by the label that vLLM itself sets: KEDA takes one number, and several engines export several.
"""


def demand_query(model: str, gateway_namespace: str) -> str:
    """Requests in service and waiting, of all gateways together.

    They say 0 where there are none, so that no answer at all is a failure and not an idle model. The gateways are there
    when no engine is (kedacore/keda#6040; vllm-project/production-stack#679, #903).
    """
    return f"sum(moorage_gateway_demand_requests{_of('model', model, gateway_namespace)})"


def requests_query(model: str, namespace: str, *, zero_without_engines: bool) -> str:
    """Requests that engines compute, and that they have in their own queues."""
    return _or_zero(_requests(_of("model_name", model, namespace)), zero_without_engines=zero_without_engines)


def kv_cache_query(model: str, namespace: str, *, zero_without_engines: bool) -> str:
    """KV caches that these requests fill, in engines: what is used, and as much for each that waits.

    An engine whose cache is full computes no more, however far it is from `max_num_seqs`, and what it uses says nothing
    of what waits.
    """
    engines = _of("model_name", model, namespace)
    running = f"clamp_min(sum(vllm:num_requests_running{engines}), 1)"
    needed = f"sum(vllm:kv_cache_usage_perc{engines}) * ({_requests(engines)}) / {running}"
    return _or_zero(needed, zero_without_engines=zero_without_engines)


def _requests(engines: str) -> str:
    return f"sum(vllm:num_requests_running{engines}) + sum(vllm:num_requests_waiting{engines})"


def _or_zero(query: str, *, zero_without_engines: bool) -> str:
    return f"{query} or vector(0)" if zero_without_engines else query


def _of(label: str, model: str, namespace: str) -> str:
    return f'{{namespace="{label_value(namespace)}",{label}="{label_value(model)}"}}'


def label_value(text: str) -> str:
    """`text` as it stands between the quotes of a selector."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

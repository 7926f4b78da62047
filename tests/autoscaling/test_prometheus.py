import pytest
from benchmarks.autoscaling.prometheus import Prometheus

from moorage.kubernetes.autoscaler_queries import demand_query, kv_cache_query, requests_query

ENGINE = '{namespace="n",model_name="m"}'


@pytest.fixture
def prometheus() -> Prometheus:
    made = Prometheus()
    made.scrape("gateway", {'moorage_gateway_demand_requests{namespace="n",model="m"}': 7.0})
    for pod, (running, waiting, usage) in {"a": (4, 2, 1.0), "b": (6, 3, 0.5)}.items():
        made.scrape(
            pod,
            {
                f'vllm:num_requests_running{{namespace="n",model_name="m",pod="{pod}"}}': running,
                f'vllm:num_requests_waiting{{namespace="n",model_name="m",pod="{pod}"}}': waiting,
                f'vllm:kv_cache_usage_perc{{namespace="n",model_name="m",pod="{pod}"}}': usage,
            },
        )
    return made


def test_our_queries_are_sums_over_all_engines_and_gateways(prometheus: Prometheus):
    assert prometheus.ask(demand_query("m", "n")) == 7
    assert prometheus.ask(requests_query("m", "n", zero_without_engines=True)) == 15
    assert prometheus.ask(kv_cache_query("m", "n", zero_without_engines=True)) == 1.5 * 15 / 10


def test_nothing_is_zero_only_where_the_query_says_so(prometheus: Prometheus):
    for query in (requests_query, kv_cache_query):
        assert prometheus.ask(query("other", "n", zero_without_engines=True)) == 0
        assert prometheus.ask(query("other", "n", zero_without_engines=False)) is None


def test_engines_that_compute_nothing_fill_nothing(prometheus: Prometheus):
    for pod in "ab":
        prometheus.scrape(pod, {f"vllm:{name}{ENGINE}": 0 for name in ("num_requests_running", "num_requests_waiting")})
        prometheus.scrape(pod, {f"vllm:kv_cache_usage_perc{ENGINE}": 0})
    assert prometheus.ask(kv_cache_query("m", "n", zero_without_engines=True)) == 0


def test_a_target_that_does_not_answer_has_no_series(prometheus: Prometheus):
    prometheus.scrape("b", {})
    assert prometheus.ask(requests_query("m", "n", zero_without_engines=False)) == 6


def test_while_it_is_away_nobody_knows_anything(prometheus: Prometheus):
    prometheus.is_up = False
    assert prometheus.ask(requests_query("m", "n", zero_without_engines=True)) is None


def test_what_it_does_not_know_is_refused(prometheus: Prometheus):
    with pytest.raises(ValueError, match="is not known"):
        prometheus.ask(f"rate(vllm:num_requests_running{ENGINE})")

"""What cannot be in a cluster, through the real program and the literal CLI: each is refused at preview."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from tests.checkout import ROOT, Checkout

_MILLION = 1_048_576


def keys_of(stack: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Of a worked example, with other values for these keys; a key with a dot is one inside an object."""
    config = yaml.safe_load((ROOT / "stacks" / f"Pulumi.{stack}.yaml").read_text())["config"]
    keys: dict[str, Any] = {key.removeprefix("moorage:"): value for key, value in config.items()}
    for path, value in changes.items():
        group, _, name = path.partition(".")
        if name:
            keys[group] = {**keys.get(group, {}), name: value}
        else:
            keys[group] = value
    return keys


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    created = Checkout(tmp_path_factory.mktemp("checkout"))
    yield created
    created.configure()
    created.destroy()


HEADS = "does not divide the model's 28 attention heads and 4 KV heads evenly; possible is 1, 2, 4"
RANK = "engine.lora_rank = 1024: vLLM serves LoRA adapters up to rank 512"
LONG = {"model_facts.max_position_embeddings": _MILLION, "model.max_model_len": _MILLION}
SPOT = "pool.capacity_types = spot: with 2 replicas as the least, the cloud can take all of them back at once; add"


@pytest.mark.parametrize(
    ("stack", "changes", "said"),
    [
        ("aws-always-on", {"pool.tensor_parallel_size": 3}, [f"pool.tensor_parallel_size = 3: {HEADS}"]),
        ("gcp-always-on", {"pool.tensor_parallel_size": 3}, [f"pool.tensor_parallel_size = 3: {HEADS}"]),
        (
            "kubernetes-always-on",
            {"nodes.tensor_parallel_size": 3, "nodes.gpus_per_node": 4},
            [f"nodes.tensor_parallel_size = 3: {HEADS}"],
        ),
        ("aws-always-on", {"engine.lora_rank": 1024}, [RANK]),
        ("gcp-always-on", {"engine.lora_rank": 1024}, [RANK]),
        ("kubernetes-always-on", {"engine.lora_rank": 1024}, [RANK]),
        (
            "gcp-always-on",
            {"option": "serverless", "replicas": {}, "cluster.prometheus_url": "http://prometheus.monitoring.svc:9090"},
            ["cloud = gcp with option = serverless: possible is", "kubernetes with serverless"],
        ),
        (
            "gcp-always-on",
            {"replicas.min": 0},
            ["replicas.min = 0: must be an integer of at least 1"],
        ),
        ("aws-always-on", {"pool.capacity_types": ["spot"]}, [SPOT]),
        ("gcp-always-on", {"pool.capacity_types": ["spot"]}, [SPOT]),
        (
            "aws-always-on",
            {**LONG, "pool.instance_types": ["g6.2xlarge"]},
            [f"model.max_model_len = {_MILLION}: must be at most ", "1 x L4 of g6.2xlarge"],
        ),
        (
            "gcp-always-on",
            {**LONG, "pool.instance_types": ["g2-standard-8"]},
            [f"model.max_model_len = {_MILLION}: must be at most ", "1 x L4 of g2-standard-8"],
        ),
        ("kubernetes-always-on", LONG, [f"model.max_model_len = {_MILLION}: must be at most "]),
        (
            "aws-always-on",
            {"pool.instance_types": ["g6.2xlarg"]},
            ["g6.2xlarg is no instance type with GPUs of aws that is known (did you mean g6.2xlarge?)"],
        ),
        (
            "gcp-always-on",
            {"pool.instance_types": ["g2-standard-9"]},
            ["g2-standard-9 is no instance type with GPUs of gcp that is known (did you mean g2-standard-96?)"],
        ),
        (
            "aws-always-on",
            {
                "aws.region": "eu-west-1",
                "aws.availability_zones": ["eu-west-1a", "eu-west-1b"],
                "pool.instance_types": ["g6.2xlarge"],
            },
            ["g6.2xlarge is not to be had in eu-west-1; it is in eu-central-1, ", "in eu-west-1 g5.2xlarge, "],
        ),
        (
            "gcp-always-on",
            {
                "gcp.region": "europe-west6",
                "gcp.zones": ["europe-west6-b"],
                "pool.instance_types": ["a2-highgpu-1g"],
            },
            ["a2-highgpu-1g is not to be had in europe-west6; it is in europe-west4, ", "europe-west6 g2-standard-8, "],
        ),
        (
            "aws-always-on",
            {"aws.region": "us-east-11", "aws.availability_zones": ["us-east-11a", "us-east-11b"]},
            ["aws.region = us-east-11: has no instance with GPUs that is known (did you mean us-east-1?)"],
        ),
        (
            "gcp-always-on",
            {"gcp.zones": ["us-central1-f"], "pool.instance_types": ["g2-standard-8"]},
            ["gcp.zones = us-central1-f: has none with g2-standard-8, which is in us-central1-a, us-central1-b, "],
        ),
        (
            "gcp-always-on",
            {"gcp.zones": ["us-east1-b"]},
            ["gcp.zones", "must be zones of us-central1, such as us-central1-a"],
        ),
    ],
    ids=[
        "heads on AWS",
        "heads on Google",
        "heads on nodes that are there",
        "LoRA rank on AWS",
        "LoRA rank on Google",
        "LoRA rank on nodes that are there",
        "from zero where nothing starts engines",
        "zero without who holds requests",
        "spot alone on AWS",
        "spot alone on Google",
        "context on AWS",
        "context on Google",
        "context on nodes that are there",
        "unknown instance on AWS",
        "unknown instance on Google",
        "region without the instance on AWS",
        "region without the instance on Google",
        "region without GPUs",
        "zones without the instance",
        "zones of another region",
    ],
)
def test_it_is_refused_with_the_key_the_value_and_what_would_work(
    checkout: Checkout, stack: str, changes: dict[str, Any], said: list[str]
):
    checkout.configure(**keys_of(stack, changes))
    refused = checkout.pulumi("preview", "--stack", "test", check=False)
    assert refused.returncode != 0
    assert "Traceback" not in refused.stdout
    for part in said:
        assert part in refused.stdout

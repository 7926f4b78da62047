"""An endpoint of SageMaker with the tiny model, as tests ask for it."""

from moorage.aws.managed_spec import SagemakerVllmSpec
from moorage.local.tiny_model import tiny_model_facts
from moorage.spec.parsing import parse
from tests.gateway.sagemaker.front_door import ENDPOINT, REGION


def endpoint_spec(**more: object) -> SagemakerVllmSpec:
    known = {
        "region": REGION,
        "endpoint_name": ENDPOINT,
        "model": {"source": "s3://models-bucket/moored", "served_name": "moored", "max_model_len": 256},
        "revision": "r1",
        "facts": tiny_model_facts().model_dump(),
        "instance_type": "ml.g6.xlarge",
        "gpu_memory_gib": 22.0,
        **more,
    }
    return parse(SagemakerVllmSpec, known, "")

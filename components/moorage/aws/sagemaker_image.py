"""The vLLM containers that AWS keeps for SageMaker: pure, but for the table that it reads.

The table has the account of each region's registry: PyPI's sagemaker-core 2.27.0 (2026-10-21),
image_uri_config/vllm.json, version 0.30.0. AWS's own repository of the containers has the same accounts and this tag
(github.com/aws/deep-learning-containers, docs/reference/region_availability.md, 18d714e, and
docs/src/data/vllm/0.30.0-gpu-sagemaker.yml, 51c7d99; read 2026-11-26).
"""

import csv
from functools import cache
from importlib import resources

VERSION = "0.30.0"
"""Of vLLM."""
_TAG = f"{VERSION}-gpu-py312-cu130-ubuntu24.04-sagemaker"
AMI_VERSION = "al2023-ami-sagemaker-inference-gpu-4-1"
"""With driver 580, which CUDA 13.0 needs; all others have CUDA 12 (botocore 1.43.117, sagemaker: ProductionVariant,
InferenceAmiVersion)."""
REPOSITORY = "vllm"


@cache
def image_accounts() -> dict[str, str]:
    """By region."""
    text = resources.files("moorage.aws").joinpath("sagemaker_images.csv").read_text()
    return {row["region"]: row["account_id"] for row in csv.DictReader(text.splitlines())}


def vllm_image(region: str) -> str:
    """Raises `ValueError` for a region without one."""
    account_id = image_accounts().get(region)
    if account_id is None:
        raise ValueError(f"has no vLLM container for SageMaker; must be one of {', '.join(sorted(image_accounts()))}")
    return f"{account_id}.dkr.ecr.{region}.amazonaws.com/{REPOSITORY}:{_TAG}"

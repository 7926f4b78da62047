"""What engines on AWS may read: the buckets of their model and its adapters."""

from moorage.aws.account import partition_of
from moorage.aws.policy import allow, policy_document
from moorage.spec import BucketSource, ModelSpec

_SCHEME = "s3://"


def buckets_of(model: ModelSpec | None) -> list[str]:
    """Of the model and its adapters, each once."""
    sources = [] if model is None else [model.source, *model.lora_adapters.values()]
    found = [source.address for source in sources if isinstance(source, BucketSource)]
    return sorted({address.removeprefix(_SCHEME).partition("/")[0] for address in found if address.startswith(_SCHEME)})


def read_policy(buckets: list[str], region: str, key_arn: str | None) -> str:
    """To list these buckets and read their objects."""
    arns = [f"arn:{partition_of(region)}:s3:::{bucket}" for bucket in buckets]
    decrypt = [] if key_arn is None else [allow("DecryptModels", ("kms:Decrypt",), (key_arn,))]
    return policy_document(
        allow("ListModels", ("s3:GetBucketLocation", "s3:ListBucket"), arns),
        allow("ReadModels", ("s3:GetObject",), [f"{arn}/*" for arn in arns]),
        *decrypt,
    )

"""What engines on AWS may read: the folders of their model and its adapters."""

from moorage.aws.account import partition_of
from moorage.aws.policy import allow, policy_document
from moorage.spec import BucketSource, ModelSpec

_SCHEME = "s3://"


def folders_of(model: ModelSpec | None) -> list[str]:
    """Of the model and its adapters, each once, as `bucket/folder`."""
    sources = [] if model is None else [model.source, *model.lora_adapters.values()]
    found = {source.address for source in sources if isinstance(source, BucketSource)}
    return sorted(address.removeprefix(_SCHEME).rstrip("/") for address in found if address.startswith(_SCHEME))


def read_policy(folders: list[str], region: str, key_arn: str | None) -> str:
    """To list the folders' buckets and read what is in the folders."""
    s3 = f"arn:{partition_of(region)}:s3:::"
    buckets = sorted({folder.partition("/")[0] for folder in folders})
    decrypt = [] if key_arn is None else [allow("DecryptModels", ("kms:Decrypt",), (key_arn,))]
    return policy_document(
        allow("ListModels", ("s3:GetBucketLocation", "s3:ListBucket"), [f"{s3}{bucket}" for bucket in buckets]),
        allow("ReadModels", ("s3:GetObject",), [f"{s3}{folder}/*" for folder in folders]),
        *decrypt,
    )

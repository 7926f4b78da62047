"""Keys of AWS KMS that are not the stack's own."""

import re
from typing import Annotated

from pydantic import AfterValidator

_KEY_ARN = re.compile(r"arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key/[\w-]+")


def _a_key_arn(arn: str) -> str:
    if not _KEY_ARN.fullmatch(arn):
        raise ValueError("must be the ARN of a key of KMS, arn:aws:kms:REGION:ACCOUNT:key/ID, and no alias")
    return arn


KeyArn = Annotated[str, AfterValidator(_a_key_arn)]
"""As policies have to name it: "you must use its key ARN", neither its id nor an alias
(docs.aws.amazon.com/kms/latest/developerguide/cmks-in-iam-policies.html, a copy, read 2026-11-26)."""

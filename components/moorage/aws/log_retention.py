"""How long a log group of CloudWatch keeps what it has."""

from typing import Annotated

from pydantic import AfterValidator

from moorage.spec.numbers import WholeNumber

# botocore 1.43.117, service model logs: PutRetentionPolicy.
RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180),
    *(365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
)


def _checked(days: int) -> int:
    if days not in RETENTION_DAYS:
        raise ValueError(f"must be one of {', '.join(str(allowed) for allowed in RETENTION_DAYS)}")
    return days


RetentionDays = Annotated[WholeNumber, AfterValidator(_checked)]

"""Regions of AWS."""

import re
from typing import Annotated

from pydantic import AfterValidator

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")


def _checked(region: str) -> str:
    # Services in China have other addresses.
    if not _REGION.fullmatch(region) or region.startswith("cn-"):
        raise ValueError("must be a region's name, such as eu-central-1, outside China")
    return region


def region_of(arn: str) -> str:
    """An ARN's: `arn:partition:service:region:account:resource`."""
    return arn.split(":")[3]


Region = Annotated[str, AfterValidator(_checked)]

"""Regions that there are."""

from importlib.metadata import version

import pulumi_aws

from moorage.spec import Problem, SpecError
from moorage.spec.wording import suggestion


def check_region(region: str) -> None:
    """Raises `SpecError` for a name that AWS's provider has in no list: it asks AWS itself only when it creates."""
    known = [one.value for one in pulumi_aws.Region]
    if region not in known:
        message = f"is no region that pulumi-aws {version('pulumi-aws')} knows{suggestion(region, known)}"
        raise SpecError([Problem("aws.region", f" = {region}: {message}")])

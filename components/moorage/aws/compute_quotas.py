"""How much of EC2 and Fargate a new account may have at once, which is next to nothing: pure."""

from typing import NamedTuple


class ComputeQuota(NamedTuple):
    """Of an account in a region, in vCPUs; it is raised on request."""

    service: str
    """As Service Quotas calls it."""
    code: str
    name: str
    default_vcpus: int


# docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-spot-limits.html and ec2-on-demand-instances.html (its "on-demand
# instance quotas"), docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html; codes as the consoles' own
# links there have them (read 2026-11-25).
G_ON_DEMAND = ComputeQuota("ec2", "L-DB2E81BA", "Running On-Demand G and VT instances", 0)
P_ON_DEMAND = ComputeQuota("ec2", "L-417A185B", "Running On-Demand P instances", 0)
G_SPOT = ComputeQuota("ec2", "L-3819A6DF", "All G and VT Spot Instance Requests", 0)
P5_SPOT = ComputeQuota("ec2", "L-C4BD4855", "All P5 Spot Instance Requests", 0)
P_SPOT = ComputeQuota("ec2", "L-7212CCBC", "All P4, P3 and P2 Spot Instance Requests", 0)
FARGATE = ComputeQuota("fargate", "L-3032A538", "Fargate On-Demand vCPU resource count", 6)


def quota_of(instance_type: str, *, is_spot: bool) -> ComputeQuota:
    """Against which an instance with GPUs counts."""
    if not instance_type.startswith("p"):
        return G_SPOT if is_spot else G_ON_DEMAND
    if not is_spot:
        return P_ON_DEMAND
    return P5_SPOT if instance_type.startswith("p5") else P_SPOT

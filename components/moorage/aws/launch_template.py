"""What every node of a managed node group is launched with."""

import base64
from collections.abc import Mapping
from typing import NamedTuple

import pulumi
from pulumi_aws import ec2

from moorage.aws.tags import named

# botocore 1.43.117, ec2: CreateVolume: what a gp3 volume has if nothing is asked for.
GP3_IOPS = 3_000
GP3_THROUGHPUT_MIB_PER_SECOND = 125
# The root of Amazon Linux 2023 for EKS (github.com/aws/karpenter-provider-aws, pkg/providers/amifamily/al2023.go at
# v1.14.0).
_ROOT_DEVICE = "/dev/xvda"
_TAGGED = ("instance", "network-interface", "volume")
_NODE_CONFIG = """\
apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  instance:
    localStorage:
      strategy: RAID0
"""


class Volume(NamedTuple):
    """A node's own disk, of type gp3."""

    size_gib: int
    iops: int = GP3_IOPS
    throughput_mib_per_second: int = GP3_THROUGHPUT_MIB_PER_SECOND


def create_launch_template(
    name: str,
    *,
    volume: Volume,
    key_arn: pulumi.Input[str],
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
    instance_type: str | None = None,
    capacity_reservation_id: str | None = None,
    market_type: str | None = None,
) -> ec2.LaunchTemplate:
    """Encrypted disks, local NVMe drives as one, and no way for a pod to the node's own role.

    Its tags are on what is launched too. One reservation or capacity block can be named to launch into.
    """
    return ec2.LaunchTemplate(
        name,
        instance_type=instance_type,
        metadata_options={
            "http_endpoint": "enabled",
            "http_tokens": "required",
            "http_put_response_hop_limit": 1,
            "instance_metadata_tags": "disabled",
        },
        block_device_mappings=[
            {
                "device_name": _ROOT_DEVICE,
                "ebs": {
                    "volume_type": "gp3",
                    "volume_size": volume.size_gib,
                    "iops": volume.iops,
                    "throughput": volume.throughput_mib_per_second,
                    "encrypted": "true",
                    "kms_key_id": key_arn,
                    "delete_on_termination": "true",
                },
            }
        ],
        capacity_reservation_specification={
            "capacity_reservation_target": {"capacity_reservation_id": capacity_reservation_id}
        }
        if capacity_reservation_id
        else None,
        instance_market_options={"market_type": market_type} if market_type else None,
        user_data=base64.b64encode(user_data().encode()).decode(),
        update_default_version=True,
        tag_specifications=[{"resource_type": kind, "tags": named(name, tags)} for kind in _TAGGED],
        tags=named(name, tags),
        opts=opts,
    )


def user_data() -> str:
    """What nodeadm merges into the configuration that EKS adds: local drives become one, which holds images and pods.

    awslabs.github.io/amazon-eks-ami/nodeadm/doc/api (read 2026-11-25). An instance without such drives ignores it.
    """
    return "\n".join(
        [
            "MIME-Version: 1.0",
            'Content-Type: multipart/mixed; boundary="moorage"',
            "",
            "--moorage",
            "Content-Type: application/node.eks.aws",
            "",
            f"{_NODE_CONFIG}--moorage--",
            "",
        ]
    )

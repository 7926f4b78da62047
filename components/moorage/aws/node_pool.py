"""Karpenter's NodePool, for EKS Auto Mode and for Karpenter itself, and the node class of each: pure."""

from collections.abc import Mapping
from typing import NamedTuple

from moorage.aws.gpu_pool_spec import MAX_RUNGS, GpuPoolSpec, PoolRung
from moorage.kubernetes.placement import GPU_POOL_LABEL, GPU_RESOURCE, GPU_TAINT_EFFECT, GPU_TAINT_VALUE

Json = Mapping[str, object]

NODE_POOL_API_VERSION = "karpenter.sh/v1"
# docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html (read 2026-11-25)
SPOT_NOTICE_SECONDS = 120
# docs.aws.amazon.com/eks/latest/userguide/create-node-pool.html (read 2026-11-25): Auto Mode's own values.
EXPIRE_AFTER_HOURS = 336
TERMINATION_GRACE_SECONDS = 24 * 3600
# docs.aws.amazon.com/whitepapers/latest/security-overview-amazon-eks-auto-mode/eks-auto-mode-data-plane.html (read
# 2026-11-25): after that a node is taken away without asking.
MAX_NODE_LIFETIME_HOURS = 21 * 24
# A model takes minutes to load, so that an empty node is worth waiting for the next request on.
_CONSOLIDATE_AFTER_SECONDS = 300
_DISRUPTION_BUDGET = "10%"
_ROOT_DEVICE = "/dev/xvda"
_CAPACITY_TYPES = {"reservation": "reserved", "on-demand": "on-demand", "spot": "spot"}


class NodeClassKind(NamedTuple):
    """Of which group and kind a node class is."""

    group: str
    kind: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/v1"


NODE_CLASS_KINDS = {
    "auto-mode": NodeClassKind("eks.amazonaws.com", "NodeClass"),
    "karpenter": NodeClassKind("karpenter.k8s.aws", "EC2NodeClass"),
}


def node_pool_name(spec: GpuPoolSpec, rung: PoolRung) -> str:
    return f"{spec.name}-{rung.key}"


def node_pool_spec(spec: GpuPoolSpec, rung: PoolRung) -> Json:
    """One rung: nodes of one instance type and capacity type, tried before all rungs below it.

    github.com/kubernetes-sigs/karpenter, pkg/apis/crds/karpenter.sh_nodepools.yaml at v1.14.0
    """
    node_class = NODE_CLASS_KINDS[spec.provisioner]
    return {
        "weight": MAX_RUNGS - list(spec.rungs).index(rung),
        "limits": {GPU_RESOURCE: str(spec.max_gpus)},
        "disruption": {
            "consolidationPolicy": "WhenEmpty",
            "consolidateAfter": f"{_CONSOLIDATE_AFTER_SECONDS}s",
            "budgets": [{"nodes": _DISRUPTION_BUDGET}],
        },
        "template": {
            "metadata": {"labels": {GPU_POOL_LABEL: spec.name}},
            "spec": {
                "nodeClassRef": {"group": node_class.group, "kind": node_class.kind, "name": spec.name},
                "expireAfter": f"{EXPIRE_AFTER_HOURS}h",
                "terminationGracePeriod": f"{termination_grace_seconds(spec, rung)}s",
                "taints": [{"key": GPU_RESOURCE, "value": GPU_TAINT_VALUE, "effect": GPU_TAINT_EFFECT}],
                "requirements": [
                    _requirement("node.kubernetes.io/instance-type", rung.instance_type),
                    _requirement("karpenter.sh/capacity-type", _CAPACITY_TYPES[rung.capacity_type]),
                ],
            },
        },
    }


def termination_grace_seconds(spec: GpuPoolSpec, rung: PoolRung) -> int:
    """How long a node that has to go waits for its pods, at least their drain.

    A pod with `karpenter.sh/do-not-disrupt` is not asked to go before this time less its own grace is over
    (github.com/kubernetes-sigs/karpenter, pkg/controllers/node/termination/terminator/terminator.go at v1.14.0). On
    spot, where two minutes are all there is, it therefore has to be asked at once.
    """
    if rung.capacity_type == "spot":
        return min(spec.drain_seconds, SPOT_NOTICE_SECONDS)
    return max(spec.drain_seconds, TERMINATION_GRACE_SECONDS)


def node_class_spec(spec: GpuPoolSpec, key_arn: object) -> Json:
    """What is launched, but for the role, the subnets and the security group."""
    ours = _auto_mode_node_class(spec, key_arn) if spec.provisioner == "auto-mode" else _ec2_node_class(spec, key_arn)
    reservations = [{"id": known} for known in spec.capacity_reservation_ids]
    return {
        **ours,
        "tags": dict(spec.tags),
        **({"capacityReservationSelectorTerms": reservations} if reservations else {}),
    }


def _auto_mode_node_class(spec: GpuPoolSpec, key_arn: object) -> Json:
    """docs.aws.amazon.com/eks/latest/userguide/create-node-class.html, automode-learn-instances.html (read 2026-11-25).

    Where the local NVMe drives hold more than `size`, they become one (RAID 0) for images and pods, beside a volume of
    20 GiB; where they do not, they are left alone. IOPS and throughput are not asked for: a volume that small may not
    have as much as one of 80 GiB. IMDSv2 with a hop limit of 1 is Auto Mode's own and cannot be changed.
    """
    return {
        "ephemeralStorage": {"size": f"{spec.ephemeral_storage_gib}Gi", "kmsKeyID": key_arn},
        "advancedNetworking": {"associatePublicIPAddress": False},
    }


def _ec2_node_class(spec: GpuPoolSpec, key_arn: object) -> Json:
    """github.com/aws/karpenter-provider-aws, pkg/apis/crds/karpenter.k8s.aws_ec2nodeclasses.yaml at v1.14.0.

    The alias is, on an instance with GPUs, the image with NVIDIA's driver.
    """
    volume = {
        "volumeType": "gp3",
        "volumeSize": f"{spec.ephemeral_storage_gib}Gi",
        "encrypted": True,
        "kmsKeyID": key_arn,
        "deleteOnTermination": True,
    }
    return {
        "amiSelectorTerms": [{"alias": f"al2023@{spec.ami_version}"}],
        "associatePublicIPAddress": False,
        "instanceStorePolicy": "RAID0",
        "blockDeviceMappings": [{"deviceName": _ROOT_DEVICE, "rootVolume": True, "ebs": volume}],
        "metadataOptions": {"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 1},
    }


def _requirement(key: str, value: str) -> Json:
    return {"key": key, "operator": "In", "values": [value]}

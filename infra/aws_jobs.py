"""Jobs of stacks on AWS: their queue, their workers, and what somebody needs who submits them."""

from typing import TYPE_CHECKING, NamedTuple, cast

import pulumi
from pulumi_aws import vpc

from images import image_of
from moorage.aws.job_queue import SqsJobQueue
from moorage.aws.load_balancer import StreamLoadBalancer
from moorage.aws.security_group import WorkloadSecurityGroup, let_in
from moorage.aws.tags import named
from moorage.aws.worker import FargateWorker, FargateWorkerArgs
from moorage.spec import Problem, SpecError
from outputs import JobsOutputs, try_a_job

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_front import Ground
    from configuration import Configuration
    from moorage.aws.monitoring_subjects import MonitoredPartsArgs
    from moorage.spec.arguments import ServiceLevelArgs
    from settings import Settings

_WORKER = "worker"
"""The component, and with it the id of the workers' key."""


class Jobs(NamedTuple):
    """Of one stack."""

    queue: SqsJobQueue
    worker: FargateWorker


def check_jobs(configuration: "Configuration") -> None:
    """Raises `SpecError` where a key of the gateways has the id of the workers' own."""
    if configuration.jobs is None:
        return
    keys = cast("Sequence[dict[str, str]]", configuration.gateway.settings.get("keys", ()))
    taken = [index for index, key in enumerate(keys) if key["id"] == _WORKER]
    if taken:
        raise SpecError(
            Problem(f"gateway.settings.keys[{index}].id", f' = "{_WORKER}": is the id of the workers\' key')
            for index in taken
        )


def create_jobs(settings: "Settings", ground: "Ground", balancer: StreamLoadBalancer) -> Jobs | None:
    """None where the stack's file has none."""
    jobs, aws = settings.configuration.jobs, ground.aws
    if jobs is None:
        return None
    queue = SqsJobQueue(
        "jobs",
        {"region": aws.region, "deletion_protection": aws.deletion_protection, "tags": aws.tags},
        ground.opts,
    )
    tasks = WorkloadSecurityGroup("worker-tasks", {"vpc_id": ground.network.vpc_id, "tags": aws.tags}, ground.opts)
    _reach_gateways(settings, ground, balancer, tasks)
    args: FargateWorkerArgs = {
        "region": aws.region,
        "account_id": ground.network.account_id,
        "cluster_name": ground.cluster.cluster_name,
        "subnet_ids": ground.network.private_subnet_ids,
        "security_group_id": tasks.security_group_id,
        "image": image_of(settings.configuration, "gateway"),
        "endpoint": balancer.address,
        "queue_url": queue.queue_url,
        "queue_name": queue.queue_name,
        "bucket_name": queue.bucket_name,
        "table_name": queue.table_name,
        "result_retention_days": queue.record_days,
        "consumer_policy": queue.consumer_policy,
        "service_level": cast("ServiceLevelArgs", settings.given.get("service_level", {})),
        "min_replicas": jobs.workers.min,
        "max_replicas": jobs.workers.max,
        "tags": aws.tags,
    }
    if settings.configuration.gateway.tenant is not None:
        args["tenant"] = settings.configuration.gateway.tenant
    return Jobs(queue, FargateWorker(_WORKER, args, ground.opts))


def watched_queue(queue: SqsJobQueue) -> "MonitoredPartsArgs":
    """What alarms look at."""
    return {"queue_name": queue.queue_name, "dead_letter_queue_name": queue.dead_letter_queue_name}


def jobs_outputs(queue: SqsJobQueue, region: str, model: str, question: str) -> JobsOutputs:
    return {
        "queue_url": queue.queue_url,
        "bucket": queue.bucket_name,
        "table": queue.table_name,
        "region": region,
        "producer_policy": queue.producer_policy,
        "try_it": pulumi.Output.all(queue.queue_url, queue.bucket_name, queue.table_name).apply(
            lambda known: try_a_job(known[0], known[1], known[2], region, model, question)
        ),
    }


def _reach_gateways(
    settings: "Settings", ground: "Ground", balancer: StreamLoadBalancer, tasks: WorkloadSecurityGroup
) -> None:
    """A balancer inside of the network lets them in by their group, a public one by the NAT gateway's address."""
    exposure, tags = settings.configuration.load_balancer, ground.aws.tags
    if not exposure.public:
        let_in(
            "worker-to-balancer",
            server=balancer.security_group_id,
            client=tasks.security_group_id,
            port=exposure.port,
            description="From the workers to the gateways",
            tags=tags,
            opts=ground.opts,
        )
        return
    name = "worker-to-balancer-in"
    vpc.SecurityGroupIngressRule(
        name,
        security_group_id=balancer.security_group_id,
        description="From the workers to the gateways, through the NAT gateway",
        ip_protocol="tcp",
        from_port=exposure.port,
        to_port=exposure.port,
        cidr_ipv4=ground.network.nat_addresses.apply(_only_one),
        tags=named(name, tags),
        opts=ground.opts,
    )


def _only_one(addresses: "Sequence[str]") -> str:
    """A stack's network has one NAT gateway, as is its default."""
    [address] = addresses
    return f"{address}/32"

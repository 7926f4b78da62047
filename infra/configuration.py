"""The keys of a stack's configuration, below `moorage:` in stacks/Pulumi.<stack>.yaml."""

import ipaddress
from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    JsonValue,
    ValidationInfo,
    field_validator,
    model_validator,
)

from aws_configuration import AwsSettings, CloudWatchSettings, FargateSettings
from cluster_configuration import (
    Addon,
    ClusterSettings,
    GcpSettings,
    MonitoringSettings,
    NodeSettings,
    ReplicaSettings,
)
from edge_configuration import EdgeSettings, contradictions
from failover_configuration import FailoverSettings
from function_configuration import FunctionSettings
from images import ImageSettings
from jobs_configuration import JobsSettings
from moorage.aws.load_balancer_spec import ExposureSpec
from moorage.planner.pool_spec import PoolSpec
from moorage.spec import Load, ModelFacts, ModelSpec, Problem, ServiceLevel, SpecError
from moorage.spec.gateway_settings import check_tenant, parse_gateway_settings
from moorage.spec.numbers import WholeNumber
from moorage.spec.wording import shown
from platforms import LAMBDA, LIMITED_KEYS, PROCESS, SAGEMAKER, Platform, clouds_with, platform_of
from strict import STRICT

SERVERLESS = "serverless"
_LEAST_ZONES = 2
_OF_EVERY_STACK_ON_AWS = frozenset({"region", "tags"})
_OF_JOBS_ON_AWS = frozenset({"deletion_protection"})
_OF_GATEWAYS_ON_FARGATE = frozenset({"serverless_cache", "key_rotation_days"})


def _document_settings(value: object) -> dict[str, JsonValue]:
    return parse_gateway_settings(value, "")


class GatewaySettings(BaseModel):
    """Where the gateway listens, whom it lets in, and what else its document says."""

    model_config = STRICT

    host: str = Field(
        default="127.0.0.1", min_length=1, description="Address to listen on. Default: this machine only."
    )
    port: WholeNumber | None = Field(
        default=None, ge=1, le=65535, description="TCP port. Default: 8000 if it is free, else another, which is kept."
    )
    authentication: Literal["api_keys", "none"] = Field(
        default="api_keys", description="`none` lets everybody in who reaches the port. Default: one generated key."
    )
    settings: Annotated[dict[str, JsonValue], BeforeValidator(_document_settings)] = Field(
        default_factory=dict[str, JsonValue],
        description="Tenants, further keys, cache and all else that docs/gateway-settings.md has. Default: nothing.",
    )
    tenant: str | None = Field(
        default=None,
        description="The tenant of the generated key, out of settings.tenants. Default: one without limits.",
    )

    @field_validator("authentication")
    @classmethod
    def _open_to_this_machine_only(cls, authentication: str, info: ValidationInfo) -> str:
        host = info.data.get("host")
        if authentication == "none" and host is not None and not _is_loopback(host):
            raise ValueError(f"must be api_keys, unless gateway.host is 127.0.0.1; it is {host}")
        return authentication

    @field_validator("tenant")
    @classmethod
    def _known(cls, tenant: str | None, info: ValidationInfo) -> str | None:
        if tenant is not None and info.data.get("authentication") == "none":
            raise ValueError("has no meaning without keys; the tenant of everybody has the id anonymous")
        if tenant is not None and "settings" in info.data:
            check_tenant(tenant, info.data["settings"], "")
        return tenant


class EngineSettings(BaseModel):
    """How the engine is replaced, and when it is stopped."""

    model_config = STRICT

    allow_downtime: bool = Field(
        default=False,
        description="Stop the old engine before the new one starts, where the memory does not hold two. Default: no.",
    )
    lora_rank: WholeNumber | None = Field(
        default=None,
        ge=1,
        description="In a cluster: the highest rank among the adapters. Default: vLLM's own, 16.",
    )
    idle_seconds: WholeNumber | None = Field(
        default=None,
        ge=1,
        description="With option serverless: stop the engine after so long without a request. Default: 300 on this "
        "machine, 1800 in a cluster, where a start takes longer.",
    )


class TinyModelSettings(BaseModel):
    """How the tiny model is built."""

    model_config = STRICT

    wrong_answer_ratio: float = Field(
        default=0.0,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="The share of questions that it learns wrong on purpose. Default: 0.",
    )


class Configuration(BaseModel):
    """Everything that a stack's file can say."""

    model_config = STRICT

    cloud: str
    option: str
    platform: str | None = Field(
        default=None, min_length=1, description="Where the option has several. Default: the first of them."
    )
    model: ModelSpec | None = Field(default=None, description="Default: the tiny model, which is built first.")
    model_facts: ModelFacts | None = Field(
        default=None, description="What the model's config.json and weights say. Required in a cluster."
    )
    tiny_model: TinyModelSettings = Field(default_factory=TinyModelSettings)
    load: Load = Field(default_factory=Load)
    service_level: ServiceLevel = Field(default_factory=ServiceLevel)
    gateway: GatewaySettings = Field(default_factory=GatewaySettings)
    engine: EngineSettings = Field(default_factory=EngineSettings)
    images: ImageSettings | None = Field(default=None, description="What runs. Required outside of this machine.")
    replicas: ReplicaSettings = Field(default_factory=ReplicaSettings)
    cluster: ClusterSettings = Field(default_factory=ClusterSettings)
    nodes: NodeSettings | None = Field(default=None, description="GPU nodes of a cluster that exists. Required there.")

    monitoring: MonitoringSettings = Field(
        default_factory=MonitoringSettings,
        description="Who is told when the service level is not kept. Default: on AWS and Google Cloud the Prometheus "
        "that is installed; with cloud kubernetes nobody.",
    )
    pool: PoolSpec = Field(default_factory=PoolSpec)
    load_balancer: ExposureSpec = Field(
        default_factory=ExposureSpec,
        description="Who reaches the gateways on AWS outside of a cluster. Default: the network itself, without TLS.",
    )
    edge: EdgeSettings | None = Field(
        default=None, description="CloudFront before the balancer, which is private then. Default: none."
    )
    failover: FailoverSettings | None = Field(
        default=None, description="Engines in another region of AWS, asked after the stack's own. Default: none."
    )
    aws: AwsSettings | None = Field(default=None, description="Where it is on AWS. Required there.")
    cloudwatch: CloudWatchSettings = Field(
        default_factory=CloudWatchSettings,
        description="With cloud aws: who is told of what it costs, and outside of a cluster by alarms.",
    )
    fargate: FargateSettings = Field(
        default_factory=FargateSettings, description="With cloud aws and platform fargate: how large an engine is."
    )
    jobs: JobsSettings | None = Field(
        default=None,
        description="With cloud aws, outside of a cluster: a queue of jobs and its workers. Default: none.",
    )
    function: FunctionSettings = Field(
        default_factory=FunctionSettings, description="With cloud aws and option serverless: the function and its API."
    )
    gcp: GcpSettings | None = Field(default=None, description="Where it is on Google Cloud. Required there.")

    @model_validator(mode="after")
    def _belongs_to_its_cloud(self) -> Self:
        problems = [*self._meaningless(), *self._missing()]
        if self.edge is not None and self.aws is not None and self.chosen is not None and "edge" in self.chosen.keys:
            problems += contradictions(self.edge, self.aws.region, self.load_balancer, self.gateway)
        if problems:
            raise SpecError(problems)
        return self

    @property
    def chosen(self) -> Platform | None:
        """None for a combination that does not exist."""
        return platform_of(self.cloud, self.option, self.platform)

    def _meaningless(self) -> Iterator[Problem]:
        platform = self.chosen
        if platform is None:
            return
        yield from self._keys_of_other_platforms(platform)
        if platform is not PROCESS:
            elsewhere = "see cluster.exposure" if platform.in_cluster else "remove it"
            for name in sorted({"host", "port"} & self.gateway.model_fields_set):
                yield Problem(f"gateway.{name}", f": has no meaning with cloud = {self.cloud}; {elsewhere}")
        if platform in (PROCESS, LAMBDA) and "lora_rank" in self.engine.model_fields_set:
            yield Problem("engine.lora_rank", f": has no meaning with cloud = {self.cloud}; remove it")
        if platform is LAMBDA:
            yield from self._meaningless_for_a_function()
        elif not platform.in_cluster:
            yield from self._meaningless_without_a_cluster(platform)
        if "replicas" in platform.keys:
            yield from self._contradictory_replicas()
        if platform.in_cluster:
            yield from self._contradictions()

    @property
    def _given_of_aws(self) -> set[str]:
        return set() if self.aws is None else self.aws.model_fields_set

    def _meaningless_for_a_function(self) -> Iterator[Problem]:
        where = f"has no meaning with platform = {LAMBDA.name}"
        if "idle_seconds" in self.engine.model_fields_set:
            yield Problem("engine.idle_seconds", f": {where}; AWS decides")
        given = self._given_of_aws
        for name in sorted(given - _OF_EVERY_STACK_ON_AWS - (_OF_JOBS_ON_AWS if self.jobs is not None else set())):
            yield Problem(f"aws.{name}", f": {where}; remove it")

    def _meaningless_without_a_cluster(self, platform: Platform) -> Iterator[Problem]:
        given = self._given_of_aws
        for name in sorted({"administrators", "public_access_cidrs"} & given):
            yield Problem(f"aws.{name}", f": has no meaning with platform = {platform.name}; remove it")
        if self.gateway.authentication == "none" and "key_rotation_days" in given:
            yield Problem("aws.key_rotation_days", ": has no meaning with gateway.authentication = none; remove it")
        if platform is SAGEMAKER:
            engines = "whose engines are on demand and on one instance each"
            for name in sorted({"capacity_types", "max_nodes"} & self.pool.model_fields_set):
                yield Problem(f"pool.{name}", f": has no meaning with platform = {platform.name}, {engines}; remove it")

    def _keys_of_other_platforms(self, platform: Platform) -> Iterator[Problem]:
        for name in [name for name in type(self).model_fields if name in self.model_fields_set]:
            if name in LIMITED_KEYS and name not in platform.keys:
                is_elsewhere = self.cloud in clouds_with(name)
                where = f"platform = {platform.name}" if is_elsewhere else f"cloud = {self.cloud}"
                yield Problem(name, f": has no meaning with {where}; remove it")
        for name in () if self.images is None else sorted(self.images.model_fields_set - {*platform.images}):
            yield Problem(f"images.{name}", f": has no meaning with platform = {platform.name}; remove it")

    def _contradictory_replicas(self) -> Iterator[Problem]:
        replicas = self.replicas
        if self.option == SERVERLESS and "min" in replicas.model_fields_set:
            yield Problem("replicas.min", f" = {replicas.min}: must be left out with option = {self.option}")
        elif self.option != SERVERLESS and replicas.max is not None and replicas.max < replicas.min:
            yield Problem("replicas.max", f" = {replicas.max}: must be at least replicas.min = {replicas.min}")

    def _contradictions(self) -> Iterator[Problem]:
        if self.cloud != "kubernetes":
            for name in sorted({"context", "service_account_annotations"} & self.cluster.model_fields_set):
                yield Problem(f"cluster.{name}", f": has no meaning with cloud = {self.cloud}; remove it")
        given = self._given_of_aws
        for name in sorted(given & _OF_GATEWAYS_ON_FARGATE):
            yield Problem(f"aws.{name}", ": has no meaning in a cluster, whose gateways are not Fargate's; remove it")
        if self.cloud == "aws" and "runbook_url" in self.cloudwatch.model_fields_set:
            yield Problem("cloudwatch.runbook_url", ": has no meaning in a cluster; see monitoring.runbook_url")
        yield from self._contradictory_addons()

    def _contradictory_addons(self) -> Iterator[Problem]:
        url, installs = self.cluster.prometheus_url, "prometheus" in self.addons()
        if self.is_autoscaled and url is None and not installs:
            yield Problem(
                "cluster.prometheus_url",
                ": is missing; autoscaled engines need whom KEDA asks for the load, or prometheus in cluster.addons",
            )
        if url is not None and installs:
            yield Problem("cluster.prometheus_url", f" = {url}: must be left out with prometheus in cluster.addons")
        if self.cloud != "kubernetes" and "device-plugin" in self.addons():
            yield Problem(
                "cluster.addons", f" = device-plugin: the nodes of {self.cloud} bring it, and two on one do not agree"
            )
        if self.monitoring.storage_class_name is not None and not installs:
            yield Problem(
                "monitoring.storage_class_name",
                f" = {self.monitoring.storage_class_name}: has no meaning without prometheus in cluster.addons",
            )

    def addons(self, *, several_nodes: bool = False) -> frozenset[Addon]:
        """What the stack installs in its cluster.

        Args:
            several_nodes: whether one engine is spread over them.
        """
        if self.cluster.addons is not None:
            return frozenset(self.cluster.addons)
        if self.cloud == "kubernetes":
            return frozenset()
        # EKS Auto Mode and GKE bring the driver and the device plugin
        # (docs.aws.amazon.com/eks/latest/userguide/auto-accelerated.html, docs.cloud.google.com/kubernetes-engine/docs/
        # how-to/gpus; read 2026-11-25).
        missing: dict[Addon, bool] = {
            "keda": self.is_autoscaled,
            "prometheus": self.cluster.prometheus_url is None,
            "leader-worker-set": several_nodes,
        }
        return frozenset(addon for addon, is_missing in missing.items() if is_missing)

    @property
    def is_monitored(self) -> bool:
        """By objects of Prometheus' operator, which has to be there."""
        return "monitoring" in self.model_fields_set or "prometheus" in self.addons()

    @property
    def is_autoscaled(self) -> bool:
        """Of engines in a cluster."""
        return self.option == SERVERLESS or self.replicas.max is not None

    @property
    def least_replicas(self) -> int:
        """Of engines in a cluster."""
        return 0 if self.option == SERVERLESS else self.replicas.min

    def _missing(self) -> Iterator[Problem]:
        platform = self.chosen
        if platform is None:
            return
        for name in platform.required:
            if name not in self.model_fields_set:
                yield Problem(name, f": is missing; cloud = {self.cloud} needs it")
        for name in platform.images if self.images is not None else ():
            if getattr(self.images, name) is None:
                yield Problem(f"images.{name}", ": is missing; must be an image by its digest, name@sha256:…")
        if self.cloud == "kubernetes" and self.cluster.context is None and "cluster" in self.model_fields_set:
            yield Problem("cluster.context", ": is missing; must be a context of the kubeconfig")
        yield from self._zone_problems(platform)

    def _zone_problems(self, platform: Platform) -> Iterator[Problem]:
        if self.aws is None:
            return
        zones = self.aws.availability_zones
        if platform.has_network and len(zones) < _LEAST_ZONES:
            given = f" = {shown(zones)}" if zones else ": is missing"
            yield Problem("aws.availability_zones", f"{given}; must be at least {_LEAST_ZONES} of the region")

    @field_validator("engine")
    @classmethod
    def _idle_only_on_demand(cls, engine: EngineSettings, info: ValidationInfo) -> EngineSettings:
        option = info.data.get("option")
        if "idle_seconds" in engine.model_fields_set and option not in (None, SERVERLESS):
            raise ValueError(f"idle_seconds has no meaning with option = {option}; remove it")
        return engine

    @field_validator("tiny_model")
    @classmethod
    def _one_model(cls, tiny_model: TinyModelSettings, info: ValidationInfo) -> TinyModelSettings:
        if info.data.get("model") is not None:
            raise ValueError("has no meaning beside model; remove one of them")
        return tiny_model


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

"""`cloud: aws` with `option: serverless`: a small model in a function of AWS Lambda, behind an API that streams."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import pulumi
import pulumi_aws

from aws_configuration import KEYS_OF_AWS
from aws_function_jobs import FunctionJobs, create_function_jobs
from aws_jobs import jobs_outputs, watched_queue
from aws_monitoring import WatchedStack, monitor_aws, with_cloudwatch_metrics
from aws_region import check_region
from file_keys import as_in_the_file
from function_configuration import FunctionSettings
from images import image_of
from moorage.aws.lambda_prices import REFERENCE_REGION, usd_per_1000_requests, usd_per_provisioned_hour
from moorage.aws.lambda_quotas import (
    CONCURRENT_EXECUTIONS,
    INIT_SECONDS,
    MOST_IDLE_SECONDS,
    NEW_ACCOUNT_CONCURRENT_EXECUTIONS,
    UNRESERVED_CONCURRENT_EXECUTIONS,
)
from moorage.aws.monitoring_spec import CloudWatchAlarmThresholds
from moorage.aws.rest_api import LambdaRestApi, LambdaRestApiArgs
from moorage.aws.serverless import LambdaLlm, LambdaLlmArgs
from moorage.aws.serverless_spec import LambdaLlmSpec
from moorage.spec.parsing import known_of, parse
from outputs import StackOutputs, try_it
from settings import Settings

if TYPE_CHECKING:
    from aws_configuration import AwsSettings
    from moorage.aws.monitoring_subjects import MonitoredPartsArgs

_QUESTION = "Hello, who are you?"
_KEYS = {
    **KEYS_OF_AWS,
    "facts": "model_facts",
    "image": "images.engine",
    "settings": "gateway.settings",
    "tenant": "gateway.tenant",
    **{name: f"function.{name}" for name in FunctionSettings.model_fields},
}
"""Where a stack's file has the function's arguments, if not under the same name."""
_FUNCTION_KEYS = (
    *("architecture", "memory_mb", "reserved_concurrency", "provisioned_concurrency", "warm_up_minutes"),
    *("tracing", "log_retention_days"),
)
_API_KEYS = ("throttle", "client_cidrs", "custom_domain", "log_role", "tracing", "log_retention_days")


def build_aws_serverless(settings: Settings) -> StackOutputs:
    """Raises `moorage.spec.SpecError` for a model or a load that no function can serve, with the numbers."""
    aws = cast("AwsSettings", settings.configuration.aws)
    check_region(aws.region)
    args = _function_args(settings, aws)
    spec = _parsed(args)
    for warning in _warnings(spec):
        pulumi.log.warn(warning)
    pulumi.log.warn(_quota_warning(settings, spec))
    pulumi.log.info(_cold_start(spec))
    opts = pulumi.ResourceOptions(provider=pulumi_aws.Provider("aws", region=aws.region))
    function = LambdaLlm("engine", args, opts)
    with as_in_the_file(_KEYS):
        api = LambdaRestApi("api", _api_args(settings, aws, spec, function), opts)
    jobs = create_function_jobs(settings, args, opts)
    cost = _cost(spec, keys="two" if jobs is None else "four")
    monitoring = monitor_aws(settings, _watched(settings, spec, (function, api, jobs), cost), opts)
    return StackOutputs(
        endpoint_url=api.endpoint_url,
        api_key=function.api_key,
        model=spec.model.served_name,
        revision=spec.revision,
        option=settings.configuration.option,
        platform="lambda",
        dashboard_url=monitoring.dashboard_url,
        estimated_cost=cost,
        upstreams=[function.upstream],
        log_directory=pulumi.Output.concat("aws logs tail ", function.log_group_name, f" --region {aws.region}"),
        try_it=try_it(settings.stack, api.endpoint_url, spec.model.served_name, _QUESTION),
        jobs=None if jobs is None else jobs_outputs(jobs.queue, aws.region, spec.model.served_name, _QUESTION),
    )


def _function_args(settings: Settings, aws: "AwsSettings") -> LambdaLlmArgs:
    configuration, given = settings.configuration, settings.given
    args: dict[str, object] = {
        "region": aws.region,
        "account_id": _account_id(settings),
        "image": image_of(configuration, "engine"),
        "model": given["model"],
        "facts": given["model_facts"],
        "load": given.get("load", {}),
        "service_level": given.get("service_level", {}),
        "settings": with_cloudwatch_metrics(settings),
        "tags": aws.tags,
        **_given_for(settings, _FUNCTION_KEYS),
    }
    if configuration.gateway.tenant is not None:
        args["tenant"] = configuration.gateway.tenant
    return cast("LambdaLlmArgs", args)


def _api_args(settings: Settings, aws: "AwsSettings", spec: LambdaLlmSpec, function: LambdaLlm) -> LambdaRestApiArgs:
    args: dict[str, object] = {
        "region": aws.region,
        "account_id": _account_id(settings),
        "function_name": function.function_name,
        "function_alias": function.function_alias,
        "keys": function.keys,
        "timeout_seconds": spec.plan.timeout_seconds,
        "tags": aws.tags,
        **_given_for(settings, _API_KEYS),
    }
    return cast("LambdaRestApiArgs", args)


def _watched(
    settings: Settings,
    spec: LambdaLlmSpec,
    made: tuple[LambdaLlm, LambdaRestApi, FunctionJobs | None],
    cost: dict[str, float | str],
) -> WatchedStack:
    function, api, jobs = made
    parts: MonitoredPartsArgs = {
        "function_name": function.function_name,
        "api": {"api_name": api.api_name, "stage_name": api.stage_name},
    }
    if jobs is not None:
        parts = {**parts, **watched_queue(jobs.queue)}
    return WatchedStack(
        account_id=_account_id(settings),
        upstreams=[spec.upstream["name"]],
        estimated_cost=cost,
        parts=parts,
        scales_to_zero=True,
        p99_time_to_first_token_seconds=_first_token_seconds(spec),
    )


def _first_token_seconds(spec: LambdaLlmSpec) -> float:
    """A processor reads a long prompt for longer than a GPU would; whoever waits for a whole answer's time, waits too
    long."""
    reading = min(spec.plan.longest_prompt_seconds, spec.service_level.p99_request_seconds)
    return max(round(reading, 1), CloudWatchAlarmThresholds().p99_time_to_first_token_seconds)


def _given_for(settings: Settings, keys: tuple[str, ...]) -> dict[str, object]:
    given = cast("dict[str, object]", settings.given.get("function", {}))
    return {key: value for key, value in given.items() if key in keys}


def _account_id(settings: Settings) -> str:
    """The first part of an image's name in ECR, unless the stack's file has another."""
    return settings.configuration.function.account_id or image_of(settings.configuration, "engine").partition(".")[0]


def _parsed(args: LambdaLlmArgs) -> LambdaLlmSpec:
    with as_in_the_file(_KEYS):
        return parse(LambdaLlmSpec, known_of(LambdaLlmSpec, args), "")


def _warnings(spec: LambdaLlmSpec) -> Iterator[str]:
    silence = spec.plan.longest_silence_seconds
    if silence > MOST_IDLE_SECONDS:
        yield (
            f"the longest prompt is read for about {silence:.0f} seconds, a start included, and API Gateway waits "
            f"{MOST_IDLE_SECONDS} for the first byte of an answer: lower load.max_prompt_tokens or "
            "model.max_model_len, or raise function.memory_mb"
        )
    seconds, p99_seconds = spec.plan.request_seconds, spec.service_level.p99_request_seconds
    if seconds > p99_seconds:
        yield (
            f"a mean request takes about {seconds:.0f} seconds on {spec.plan.vcpus:.1f} vCPUs, above "
            f"service_level.p99_request_seconds = {p99_seconds:g}: take a smaller model, shorter answers, or GPUs"
        )


def _quota_warning(settings: Settings, spec: LambdaLlmSpec) -> str:
    """Of a new account Lambda refuses any reservation: what is left to other functions would be too little."""
    jobs = settings.configuration.jobs
    reserved = spec.concurrency + (0 if jobs is None else jobs.workers.max)
    return (
        f"{reserved} environments are reserved and {UNRESERVED_CONCURRENT_EXECUTIONS} are for other functions: they "
        f"need a quota of {reserved + UNRESERVED_CONCURRENT_EXECUTIONS} concurrent executions, of which an account has "
        f"{CONCURRENT_EXECUTIONS}, and a new one {NEW_ACCOUNT_CONCURRENT_EXECUTIONS}: Service Quotas, AWS Lambda, "
        "L-B99A9384"
    )


def _cold_start(spec: LambdaLlmSpec) -> str:
    start = spec.plan.cold_start
    phases = ", ".join(f"{name} {seconds:.1f}" for name, seconds in start.phases.items())
    late = f"; the first request waits for what is above {INIT_SECONDS}" if start.seconds > INIT_SECONDS else ""
    size = f"{spec.plan.memory_mb} MB with {spec.plan.vcpus:.1f} vCPUs"
    return (
        f"a request that finds nothing started waits about {start.seconds:.1f} seconds ({phases}){late}; a mean "
        f"request takes about {spec.plan.request_seconds:.1f} on {size}"
    )


def _cost(spec: LambdaLlmSpec, *, keys: str) -> dict[str, float | str]:
    wanted, memory_mb = spec.provisioned_concurrency, spec.plan.memory_mb
    kept_started = 0 if wanted is None else wanted.min
    usd_per_1000 = usd_per_1000_requests(spec.architecture, memory_mb, spec.plan.request_seconds)
    return {
        "usd_per_hour": round(kept_started * usd_per_provisioned_hour(spec.architecture, memory_mb), 4),
        "usd_per_1000_requests": round(usd_per_1000, 4),
        "note": f"of mean requests, at the list price of {REFERENCE_REGION}; {keys} keys and logs come on top",
    }

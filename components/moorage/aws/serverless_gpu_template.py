"""The template by which CloudFormation makes a function with a GPU: pure.

Pulumi's provider has no accelerator for a function (pulumi_aws 7.51.1); CloudFormation has
(docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-lambda-function-acceleratorconfig.html,
read 2026-11-25).
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TypedDict

from moorage.aws.function_environment import compact_json
from moorage.aws.serverless_gpu_spec import LambdaGpuFunctionSpec

ALIAS = "live"
_ARCHITECTURE = "x86_64"
"""The only one with GPUs."""

Json = Mapping[str, object]


class MadeBefore(TypedDict):
    """What the template refers to."""

    role_arn: str
    operator_role_arn: str
    key_arn: str
    log_group: str
    subnet_ids: Sequence[str]
    security_group_ids: Sequence[str]
    environment: Mapping[str, str]


def gpu_function_template(spec: LambdaGpuFunctionSpec, made: MadeBefore) -> str:
    """A capacity provider, the function, which is named as the stack, and its newest version behind an alias.

    They have the stack's tags by themselves; the instances, which CloudFormation does not make, have to be told.
    A version is of what was published, so another function makes another version: its logical name has the
    function's hash.
    """
    function = _function(spec, made)
    version = f"Version{hashlib.sha256(compact_json(function).encode()).hexdigest()[:16]}"
    resources: Json = {
        "CapacityProvider": _resource("AWS::Lambda::CapacityProvider", _capacity_provider(spec, made)),
        "Function": _resource("AWS::Lambda::Function", function),
        version: _resource(
            "AWS::Lambda::Version",
            {"FunctionName": {"Ref": "Function"}, "FunctionScalingConfig": _scaling(spec)},
        ),
        "Alias": _resource(
            "AWS::Lambda::Alias",
            {
                "Name": ALIAS,
                "FunctionName": {"Ref": "Function"},
                "FunctionVersion": {"Fn::GetAtt": [version, "Version"]},
            },
        ),
    }
    return json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}, indent=1)


def _resource(kind: str, properties: Json) -> Json:
    return {"Type": kind, "Properties": properties}


def _capacity_provider(spec: LambdaGpuFunctionSpec, made: MadeBefore) -> Json:
    instances: dict[str, object] = {"Architectures": [_ARCHITECTURE]}
    if spec.instance_types is not None:
        instances["AllowedInstanceTypes"] = list(spec.instance_types)
    return {
        "VpcConfig": {"SubnetIds": list(made["subnet_ids"]), "SecurityGroupIds": list(made["security_group_ids"])},
        "PermissionsConfig": {"CapacityProviderOperatorRoleArn": made["operator_role_arn"]},
        "InstanceRequirements": instances,
        "CapacityProviderScalingConfig": {"MaxVCpuCount": spec.max_vcpus, "ScalingMode": "Auto"},
        "KmsKeyArn": made["key_arn"],
        "PropagateTags": _instance_tags(spec),
    }


def _function(spec: LambdaGpuFunctionSpec, made: MadeBefore) -> Json:
    managed = {
        "CapacityProviderArn": {"Fn::GetAtt": ["CapacityProvider", "Arn"]},
        "PerExecutionEnvironmentMaxConcurrency": spec.concurrent_requests,
        "ExecutionEnvironmentMemoryGiBPerVCpu": spec.memory_gib_per_vcpu,
    }
    return {
        "FunctionName": {"Ref": "AWS::StackName"},
        "PackageType": "Image",
        "Code": {"ImageUri": spec.image},
        "Architectures": [_ARCHITECTURE],
        "MemorySize": spec.memory_mb,
        "EphemeralStorage": {"Size": spec.ephemeral_storage_mb},
        "Timeout": spec.timeout_seconds,
        "Role": made["role_arn"],
        "Environment": {"Variables": dict(made["environment"])},
        "KmsKeyArn": made["key_arn"],
        "LoggingConfig": {"LogFormat": "JSON", "LogGroup": made["log_group"]},
        "CapacityProviderConfig": {"LambdaManagedInstancesCapacityProviderConfig": managed},
        "AcceleratorConfig": {"AcceleratorMemorySize": spec.accelerator_memory_gib},
    }


def _scaling(spec: LambdaGpuFunctionSpec) -> Json:
    return {"MinExecutionEnvironments": spec.min_environments, "MaxExecutionEnvironments": spec.max_environments}


def _instance_tags(spec: LambdaGpuFunctionSpec) -> Json:
    tags = [{"Key": key, "Value": value} for key, value in spec.tags.items()]
    return {"Mode": "Explicit", "ExplicitTags": tags} if tags else {"Mode": "None"}

"""What AWS answers, by the type of resource, as far as our components ask for it."""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

ACCOUNT_ID = "123456789012"
REGION = "eu-central-1"

Answer = Callable[[str, Mapping[str, Any]], dict[str, object]]


def _arn(service: str, kind: str, region: str = REGION, account: str = ACCOUNT_ID) -> Answer:
    return lambda name, _: {"arn": f"arn:aws:{service}:{region}:{account}:{kind}{name}"}


def _role(name: str, _inputs: Mapping[str, Any]) -> dict[str, object]:
    return {"arn": f"arn:aws:iam::{ACCOUNT_ID}:role/{name}-1a2b3c4", "name": f"{name}-1a2b3c4"}


def _cluster(_name: str, inputs: Mapping[str, Any]) -> dict[str, object]:
    name = inputs["name"]
    return {
        "arn": f"arn:aws:eks:{REGION}:{ACCOUNT_ID}:cluster/{name}",
        "endpoint": "https://0123456789ABCDEF.gr7.eu-central-1.eks.amazonaws.com",
        "certificateAuthority": {"data": "Q0VSVElGSUNBVEU="},
        "vpcConfig": {**inputs["vpcConfig"], "clusterSecurityGroupId": "sg-0123456789abcdef0"},
    }


def _bucket(name: str, _inputs: Mapping[str, Any]) -> dict[str, object]:
    return {"arn": f"arn:aws:s3:::{name}-1a2b3c4", "bucket": f"{name}-1a2b3c4"}


def _repository(_name: str, inputs: Mapping[str, Any]) -> dict[str, object]:
    return {
        "arn": f"arn:aws:ecr:{REGION}:{ACCOUNT_ID}:repository/{inputs['name']}",
        "repositoryUrl": f"{ACCOUNT_ID}.dkr.ecr.{REGION}.amazonaws.com/{inputs['name']}",
    }


def _log_group(_name: str, inputs: Mapping[str, Any]) -> dict[str, object]:
    name = inputs.get("name") or f"{inputs['namePrefix']}1a2b3c4"
    return {"arn": f"arn:aws:logs:{REGION}:{ACCOUNT_ID}:log-group:{name}", "name": name}


def _function(name: str, _inputs: Mapping[str, Any]) -> dict[str, object]:
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{name}-1a2b3c4"
    uri = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{arn}/invocations"
    return {"arn": arn, "name": f"{name}-1a2b3c4", "qualifiedArn": f"{arn}:1", "invokeArn": uri, "version": "1"}


def _alias(_name: str, inputs: Mapping[str, Any]) -> dict[str, object]:
    return {"arn": f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{inputs['functionName']}:{inputs['name']}"}


def _rest_api(name: str, _inputs: Mapping[str, Any]) -> dict[str, object]:
    return {
        "name": f"{name}-1a2b3c4",
        "executionArn": f"arn:aws:execute-api:{REGION}:{ACCOUNT_ID}:a1b2c3d4e5",
        "rootResourceId": "root",
    }


def _stage(_name: str, inputs: Mapping[str, Any]) -> dict[str, object]:
    return {"invokeUrl": f"https://a1b2c3d4e5.execute-api.{REGION}.amazonaws.com/{inputs['stageName']}"}


def _ecs_cluster(name: str, _inputs: Mapping[str, Any]) -> dict[str, object]:
    return {"arn": f"arn:aws:ecs:{REGION}:{ACCOUNT_ID}:cluster/{name}-1a2b3c4", "name": f"{name}-1a2b3c4"}


def _load_balancer(name: str, _inputs: Mapping[str, Any]) -> dict[str, object]:
    suffix = f"app/{name}-1a2b3c4/0123456789abcdef"
    return {
        "arn": f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT_ID}:loadbalancer/{suffix}",
        "arnSuffix": suffix,
        "dnsName": f"internal-{name}-1a2b3c4.{REGION}.elb.amazonaws.com",
        "zoneId": "Z215JYRZR1TBD5",
    }


def _certificate(name: str, inputs: Mapping[str, Any]) -> dict[str, object]:
    validation = {
        "domainName": inputs["domainName"],
        "resourceRecordName": f"_0a1b2c3d.{inputs['domainName']}.",
        "resourceRecordType": "CNAME",
        "resourceRecordValue": "_4e5f6a7b.acm-validations.aws.",
    }
    arn = f"arn:aws:acm:{inputs.get('region', REGION)}:{ACCOUNT_ID}:certificate/{name}"
    return {"arn": arn, "domainValidationOptions": [validation]}


def _target_group(name: str, _inputs: Mapping[str, Any]) -> dict[str, object]:
    suffix = f"targetgroup/{name}-1a2b3c4/0123456789abcdef"
    return {"arn": f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT_ID}:{suffix}", "arnSuffix": suffix}


AWS_ANSWERS: Mapping[str, Answer] = {
    "aws:acm/certificate:Certificate": _certificate,
    "aws:apigateway/domainName:DomainName": lambda name, _: {
        "regionalDomainName": f"d-{name}.execute-api.{REGION}.amazonaws.com",
        "regionalZoneId": "Z1U9ULNL0V5AJ3",
    },
    "aws:apigateway/restApi:RestApi": _rest_api,
    "aws:apigateway/stage:Stage": _stage,
    "aws:appautoscaling/policy:Policy": _arn("autoscaling", "scalingPolicy:"),
    "aws:autoscaling/group:Group": _arn("autoscaling", "autoScalingGroup:"),
    "aws:cloudformation/stack:Stack": lambda name, _: {"name": f"{name}-1a2b3c4"},
    "aws:cloudfront/distribution:Distribution": lambda name, _: {
        "arn": f"arn:aws:cloudfront::{ACCOUNT_ID}:distribution/{name}",
        "domainName": "d111111abcdef8.cloudfront.net",
        "hostedZoneId": "Z2FDTNDATAQYW2",
    },
    "aws:cloudfront/function:Function": lambda name, _: {"arn": f"arn:aws:cloudfront::{ACCOUNT_ID}:function/{name}"},
    "aws:cloudfront/keyValueStore:KeyValueStore": lambda name, _: {
        "arn": f"arn:aws:cloudfront::{ACCOUNT_ID}:key-value-store/{name}"
    },
    "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination": lambda name, _: {
        "arn": f"arn:aws:logs:us-east-1:{ACCOUNT_ID}:delivery-destination:{name}"
    },
    "aws:cloudwatch/logDeliverySource:LogDeliverySource": lambda name, _: {"name": f"{name}-1a2b3c4"},
    "aws:cloudwatch/logGroup:LogGroup": _log_group,
    "aws:cloudwatch/metricAlarm:MetricAlarm": lambda name, _: {
        "arn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT_ID}:alarm:{name}",
        "name": f"{name}-1a2b3c4",
    },
    "aws:ec2/eip:Eip": lambda name, _: {"allocationId": f"eipalloc-{name}", "publicIp": "203.0.113.7"},
    "aws:ec2/launchTemplate:LaunchTemplate": lambda _name, _inputs: {"latestVersion": 1},
    "aws:ec2/vpc:Vpc": lambda name, _: {
        "arn": f"arn:aws:ec2:{REGION}:{ACCOUNT_ID}:vpc/{name}",
        "ownerId": ACCOUNT_ID,
    },
    "aws:ecr/repository:Repository": _repository,
    "docker-build:index:Image": lambda name, _: {"digest": f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"},
    "aws:eks/cluster:Cluster": _cluster,
    "aws:elasticache/parameterGroup:ParameterGroup": lambda name, _: {"name": f"{name}-1a2b3c4"},
    "aws:elasticache/replicationGroup:ReplicationGroup": lambda name, _: {
        "primaryEndpointAddress": f"master.{name}.abc123.euc1.cache.amazonaws.com"
    },
    "aws:elasticache/serverlessCache:ServerlessCache": lambda name, _: {
        "endpoints": [{"address": f"{name}-abc123.serverless.euc1.cache.amazonaws.com", "port": 6379}]
    },
    "aws:elasticache/subnetGroup:SubnetGroup": lambda name, _: {"name": f"{name}-1a2b3c4"},
    "aws:iam/instanceProfile:InstanceProfile": _arn("iam", "instance-profile/", region=""),
    "aws:iam/role:Role": _role,
    "aws:kms/key:Key": _arn("kms", "key/"),
    "aws:lambda/alias:Alias": _alias,
    "aws:lambda/function:Function": _function,
    "aws:ecs/capacityProvider:CapacityProvider": lambda name, _: {"name": f"{name}-1a2b3c4"},
    "aws:ecs/cluster:Cluster": _ecs_cluster,
    "aws:ecs/service:Service": lambda name, _: {"name": f"{name}-1a2b3c4"},
    "aws:ecs/taskDefinition:TaskDefinition": lambda name, _: {
        "arn": f"arn:aws:ecs:{REGION}:{ACCOUNT_ID}:task-definition/{name}:1"
    },
    "aws:lb/loadBalancer:LoadBalancer": _load_balancer,
    "aws:lb/targetGroup:TargetGroup": _target_group,
    "aws:route53/record:Record": lambda _, inputs: {"fqdn": inputs["name"].rstrip(".")},
    "aws:s3/bucket:Bucket": _bucket,
    "aws:sqs/queue:Queue": lambda name, _: {
        "arn": f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{name}-1a2b3c4",
        "url": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT_ID}/{name}-1a2b3c4",
        "name": f"{name}-1a2b3c4",
    },
    "aws:dynamodb/table:Table": lambda name, _: {
        "arn": f"arn:aws:dynamodb:{REGION}:{ACCOUNT_ID}:table/{name}-1a2b3c4",
        "name": f"{name}-1a2b3c4",
    },
    "aws:sagemaker/endpoint:Endpoint": lambda _, inputs: {
        "arn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT_ID}:endpoint/{inputs['name']}"
    },
    "aws:sagemaker/endpointConfiguration:EndpointConfiguration": lambda name, _: {"name": f"{name}-1a2b3c4"},
    "aws:sagemaker/model:Model": lambda name, _: {"name": f"{name}-1a2b3c4"},
    "aws:secretsmanager/secret:Secret": _arn("secretsmanager", "secret:"),
    "aws:secretsmanager/secretVersion:SecretVersion": lambda _name, _inputs: {
        "versionId": "0a1b2c3d-0000-4000-8000-000000000000"
    },
    "aws:servicediscovery/service:Service": _arn("servicediscovery", "service/srv-"),
    "aws:sns/topic:Topic": _arn("sns", ""),
    "aws:wafv2/webAcl:WebAcl": _arn("wafv2", "regional/webacl/"),
}
AWS_FUNCTIONS: Mapping[str, dict[str, object]] = {
    "aws:secretsmanager/getSecretVersion:getSecretVersion": {"secretString": "moorage-current-plaintext"},
    "aws:ec2/getSecurityGroup:getSecurityGroup": {"id": "sg-0123456789abcdef0"},
    "aws:ecr/getAuthorizationToken:getAuthorizationToken": {
        "proxyEndpoint": f"https://{ACCOUNT_ID}.dkr.ecr.{REGION}.amazonaws.com",
        "userName": "AWS",
        "password": "token-plaintext",
    },
}
"""What the stacks ask for besides, and of components a registry that builds: no other asks for anything."""


def answered_in(region: str, answer: Mapping[str, object]) -> dict[str, object]:
    """The answer of a provider of another region."""
    return json.loads(json.dumps(answer).replace(REGION, region))

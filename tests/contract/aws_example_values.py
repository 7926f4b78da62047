"""What the examples of components for AWS have in common."""

from tests.model_facts import LLAMA_8B, QWEN_05B_GGUF

from .aws_answers import ACCOUNT_ID, REGION

TAGS = {"team": "harbour", "environment": "test"}
CLUSTER_ARN = f"arn:aws:eks:{REGION}:{ACCOUNT_ID}:cluster/harbour"
KEY_ARN = f"arn:aws:kms:{REGION}:{ACCOUNT_ID}:key/0a1b2c3d"
QUEUE_ARN = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:jobs-1a2b3c4"
RESERVATION = "cr-0123456789abcdef0"
SUBNETS = ["subnet-a", "subnet-b"]
PUBLIC_ORIGIN = {"domain_name": "gateway.example.com"}
PRIVATE_ORIGIN = {
    **PUBLIC_ORIGIN,
    "load_balancer_arn": f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT_ID}:loadbalancer/app/harbour/0123456789ab",
}
UPSTREAM = {
    "name": "engine",
    "kind": "openai-http",
    "address": "http://engine.internal:8000",
    "model": "harbour",
    "revision": "r1",
}
EXPOSURE = {
    "public": True,
    "hostname": "llm.example.com",
    "certificate_arn": f"arn:aws:acm:{REGION}:{ACCOUNT_ID}:certificate/0a1b2c3d",
    "client_cidrs": ["203.0.113.0/24"],
    "web_acl_arn": f"arn:aws:wafv2:{REGION}:{ACCOUNT_ID}:regional/webacl/harbour/0a1b2c3d",
}
HOSTED_ZONE_ID = "Z0123456789ABCDEFGHIJ"
OWN_DOMAIN = {"domain_name": "llm.example.com", "hosted_zone_id": HOSTED_ZONE_ID}
OWN_EXPOSURE = {
    "public": True,
    "hostname": "llm.example.com",
    "hosted_zone_id": HOSTED_ZONE_ID,
    "client_cidrs": ["203.0.113.0/24"],
}
KEYS = [{"id": "default", "sha256": "0a" * 32}, {"id": "pilots", "sha256": "1b" * 32, "tenant": "pilots"}]

SMALL_FACTS = QWEN_05B_GGUF.model_dump()
EIGHT_BILLION_FACTS = LLAMA_8B.model_dump()

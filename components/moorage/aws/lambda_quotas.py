"""What AWS Lambda and API Gateway do not do, in their own numbers.

docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html, docs.aws.amazon.com/lambda/latest/dg/
configuration-memory.html, docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode.html (all read
2026-11-25), and botocore 1.44.5's service models lambda and apigateway.
"""

LEAST_MEMORY_MB = 128
MOST_MEMORY_MB = 10_240
"""Of a function that Lambda runs on its own machines. On Lambda Managed Instances it is 32,768."""
MEMORY_MB_PER_VCPU = 1_769
"""A function has as many vCPUs as it has times this."""
MOST_IMAGE_BYTES = 10 * 2**30
"""Of a container image, uncompressed, with all its layers."""
MOST_TIMEOUT_SECONDS = 900
LEAST_EPHEMERAL_STORAGE_MB, MOST_EPHEMERAL_STORAGE_MB = 512, 10_240
"""Of `/tmp`."""
MOST_ENVIRONMENT_BYTES = 4 * 1024
"""Names and values of all variables together."""
MOST_REQUEST_BYTES = 6 * 2**20
"""Of an event, which has the request's body as a JSON string. API Gateway itself would take 10 MB."""
INIT_SECONDS = 10
"""Until a function has to have started; without provisioned concurrency it is started anew by the first request."""

MOST_STREAM_SECONDS = 900
"""Until API Gateway ends a streamed answer."""
MOST_IDLE_SECONDS = 300
"""Without a byte, until API Gateway ends a streamed answer of a Regional or private API. Edge-optimized: 30."""
MOST_THROTTLE_REQUESTS_PER_SECOND = 10_000
"""Of an account in a region, unless it was raised: L-8A5B8E43."""

CONCURRENT_EXECUTIONS = 1_000
"""Of an account in a region, unless it was raised: L-B99A9384."""
NEW_ACCOUNT_CONCURRENT_EXECUTIONS = 10
"""Until AWS raises it by use, or on request."""
UNRESERVED_CONCURRENT_EXECUTIONS = 100
"""What Lambda keeps back of them for functions without reserved concurrency."""

"""Flex-start: nodes that Google gives when it has some, and takes back after a week."""

MAX_RUN_SECONDS = 7 * 24 * 3600
"""docs.cloud.google.com/kubernetes-engine/docs/concepts/dws (read 2026-11-25)."""
RECYCLING_LEAD_SECONDS = 3600
"""How long before its end another node is looked for: a node, its image and the weights of a large model are there by
then (github.com/GoogleCloudPlatform/accelerated-platforms, custom compute classes for GPUs, 2026-08)."""

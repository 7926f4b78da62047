"""Kubernetes objects in the API's own words."""

from typing import Any

Manifest = dict[str, Any]
"""The fields of one object, as keyword arguments of its class in `pulumi_kubernetes`: `metadata`, `spec` and so on.

What is inside of them has the API's names and its camel case; values may be outputs of other resources.
"""

"""Pulumi components for any Kubernetes cluster."""

"""Pulumi components for AWS."""

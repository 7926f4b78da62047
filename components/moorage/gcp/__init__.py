"""Pulumi components for Google Cloud."""

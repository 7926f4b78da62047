"""Serves the components to programs in every Pulumi language."""

"""Brings what a local stack needs besides Python packages, each thing once per machine."""

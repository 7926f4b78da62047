"""Requests that no engine is up for: the hook that starts one, and what clients see meanwhile."""

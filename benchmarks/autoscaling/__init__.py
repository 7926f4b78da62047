"""Simulated days of load: what the autoscaler makes of them, in seconds instead of days."""

"""Limits of tenants: requests and tokens per minute, concurrent requests, tokens per month."""

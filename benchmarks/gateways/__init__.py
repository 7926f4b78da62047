"""Moorage's gateway beside others: the same engine, load and machine."""

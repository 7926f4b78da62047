"""Engines: connections to them, and which of them serves what."""

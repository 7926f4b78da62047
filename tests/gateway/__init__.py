"""The gateway, seen from both of its sides: as a client, and as an engine."""

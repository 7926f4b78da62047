"""Jobs: requests to an engine that nobody waits for, worked off a queue."""

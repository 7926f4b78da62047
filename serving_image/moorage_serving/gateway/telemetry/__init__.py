"""What operators see: metrics by standard names, traces, profiles. Never a text of a prompt or a completion."""

"""The privacy-aware request log: redacted, encrypted, deletable, and off unless it is asked for."""

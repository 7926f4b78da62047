"""The one error that a local stack reports to its user."""


class LocalError(RuntimeError):
    """Something on this machine keeps the stack from running; the message says what to change."""

"""What processes of a local stack inherit from whoever calls Pulumi."""

import os


def child_environment() -> dict[str, str]:
    """The caller's environment without Pulumi's own variables, among them the passphrase of the state."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")}

"""What keeps a command from doing its work."""


class CommandError(Exception):
    """The message says what is wrong and what to do; the command prints it and exits with 1."""


class RenderError(CommandError):
    """A stack's objects cannot be written without a cloud or a cluster, and why: all reasons at once."""

    def __init__(self, stack: str, reasons: list[str]) -> None:
        self.reasons = reasons
        super().__init__(f"{stack} cannot be rendered:\n" + "\n".join(f"  - {reason}" for reason in reasons))

"""The port behind which personal data is taken out of text."""

from __future__ import annotations

from typing import Protocol


class Redactor(Protocol):
    """Anything that takes personal data and secrets out of text, Presidio for example. Called from one thread."""

    def redact(self, text: str) -> str:
        """The text with a placeholder, such as `[EMAIL]`, for each finding."""
        ...

    def is_secret_name(self, name: str) -> bool:
        """Whether a JSON key says by its name that its value is a secret."""
        ...

"""What the engine computes on."""

from typing import Literal

Device = Literal["cpu", "gpu"]

"""What an engine that is started on demand can be."""

from enum import StrEnum


class EngineState(StrEnum):
    """`failed`: it did not come up, and is tried again when it is asked for."""

    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    FAILED = "failed"

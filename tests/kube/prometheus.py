"""A real Prometheus that scrapes every second."""

import shutil
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import yaml

from .control_plane.process import answers, running

HOST = "127.0.0.1"


class Prometheus:
    """One at an address that stays the same, so that it can go down and come back."""

    def __init__(self, directory: Path, port: int, target: str) -> None:
        self._directory, self._storage = directory, directory / "prometheus"
        self._stack = ExitStack()
        self.url = f"http://{HOST}:{port}"
        self._flags = [
            f"--config.file={directory / 'prometheus.yaml'}",
            f"--web.listen-address={HOST}:{port}",
            f"--storage.tsdb.path={self._storage}",
        ]
        jobs = [{"job_name": "synthetic", "static_configs": [{"targets": [target]}]}]
        configuration = {"global": {"scrape_interval": "1s"}, "scrape_configs": jobs}
        (directory / "prometheus.yaml").write_text(yaml.safe_dump(configuration))

    @contextmanager
    def up(self) -> Generator[None]:
        """With nothing of what it has known before."""
        shutil.rmtree(self._storage, ignore_errors=True)
        self._start()
        try:
            yield
        finally:
            self._stack.close()

    @contextmanager
    def down(self) -> Generator[None]:
        """An outage while it is up; it comes back with what it has known."""
        self._stack.close()
        yield
        self._start()

    def _start(self) -> None:
        ready = answers(f"{self.url}/-/ready")
        self._stack.enter_context(running("prometheus", self._flags, directory=self._directory, ready=ready))

    def value(self, query: str) -> float | None:
        """The one value of an instant query; None where there is none."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": query}, trust_env=False).json()
        result = answer["data"]["result"]
        return float(result[0]["value"][1]) if result else None

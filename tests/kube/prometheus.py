"""A real Prometheus that scrapes every second."""

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
import yaml

from .control_plane.process import answers, running

HOST = "127.0.0.1"


class Prometheus:
    """One at an address that stays the same, so that it can go down and come back."""

    def __init__(self, directory: Path, port: int, target: str) -> None:
        self._directory = directory
        self.url = f"http://{HOST}:{port}"
        self._flags = [
            f"--config.file={directory / 'prometheus.yaml'}",
            f"--web.listen-address={HOST}:{port}",
        ]
        jobs = [{"job_name": "synthetic", "static_configs": [{"targets": [target]}]}]
        configuration = {"global": {"scrape_interval": "1s"}, "scrape_configs": jobs}
        (directory / "prometheus.yaml").write_text(yaml.safe_dump(configuration))

    @contextmanager
    def up(self) -> Generator[None]:
        """With nothing of what it has known before."""
        storage = self._directory / "prometheus"
        shutil.rmtree(storage, ignore_errors=True)
        flags = [*self._flags, f"--storage.tsdb.path={storage}"]
        with running("prometheus", flags, directory=self._directory, ready=answers(f"{self.url}/-/ready")):
            yield

    def value(self, query: str) -> float | None:
        """The one value of an instant query; None where there is none."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": query}, trust_env=False).json()
        result = answer["data"]["result"]
        return float(result[0]["value"][1]) if result else None

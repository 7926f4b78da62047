"""`python -m benchmarks.soak --seconds 600`: mixed load with faults; 1 when something is left over or went astray."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import typer
from benchmarks.gateways.load_generator import LoadGenerator, Target, build_load_generator
from benchmarks.soak.faults import do_faults
from benchmarks.soak.judgement import Finding, judge_answers, judge_memory, judge_rest
from benchmarks.soak.observation import Samples, busy_gauges, connections, sample
from benchmarks.soak.world import TENANTS, World, world
from rich.console import Console
from rich.table import Table

OPEN_FILES, REQUESTS_PER_SECOND = 8192, 100
# Idle connections to engines are closed after seconds, a stalled stream after its timeout, a probe is soon over.
SETTLE_SECONDS = 60.0
command_line = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console(highlight=False, soft_wrap=True)


@command_line.command()
def main(seconds: Annotated[int, typer.Option(min=20, help="How long the load goes on.")] = 600) -> None:
    """Loads, breaks, and judges what is left."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    generator = build_load_generator()
    with tempfile.TemporaryDirectory() as folder, world(generator, Path(folder)) as running:
        idle = connections(running)
        result, samples = load(running, generator, seconds)
        findings = [
            *judge_answers(result["tallies"]),
            judge_memory(samples.memory, sum(sum(of.values()) for of in result["tallies"].values())),
            Finding("/health always answers", f"{samples.health_failures} failures", samples.health_failures == 0),
            *settle(running, idle),
        ]
    report(result, findings)
    sys.exit(0 if all(finding.holds for finding in findings) else 1)


def load(running: World, generator: LoadGenerator, seconds: int) -> tuple[dict[str, Any], Samples]:
    """The load, the faults and the sampling side by side; what the clients saw and the samples."""
    ended = threading.Event()
    target = Target(running.url, "unused")
    command = generator.command("soak", target, keys=",".join(TENANTS), rate=REQUESTS_PER_SECOND)
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as clients,
        ThreadPoolExecutor() as pool,
    ):
        faults = pool.submit(do_faults, running, ended, say)
        samples = pool.submit(sample, running, ended)
        try:
            time.sleep(seconds)
        finally:
            ended.set()
        say(f"{faults.result()} faults done; waiting for the last answers")
        output, _ = clients.communicate(input="end")
        return json.loads(output), samples.result()


def settle(running: World, idle: dict[str, int]) -> list[Finding]:
    """Looks until everything has come to rest, or for a minute."""
    until = time.monotonic() + SETTLE_SECONDS
    while True:
        findings = judge_rest(connections(running), busy_gauges(running), idle)
        if all(finding.holds for finding in findings) or time.monotonic() > until:
            return findings
        time.sleep(1)


def report(result: dict[str, Any], findings: list[Finding]) -> None:
    """What came of each kind of request, and the verdicts."""
    requests = Table("requests", "ended")
    for kind, outcomes in sorted(result["tallies"].items()):
        requests.add_row(kind, ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items())))
    verdicts = Table("has to hold", "seen", "")
    for finding in findings:
        verdicts.add_row(finding.what, finding.seen, "pass" if finding.holds else "MISS")
    console.print(requests, verdicts)
    for line in result["samples"] or ():
        console.print(line, markup=False)


def say(message: str) -> None:
    console.print(f"{time.strftime('%H:%M:%S')} {message}", markup=False)


if __name__ == "__main__":
    command_line()

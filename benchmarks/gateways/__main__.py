"""`python -m benchmarks.gateways`: Moorage, LiteLLM and vllm-router side by side; 1 when a goal is missed.

About a quarter of an hour; `--quick` takes a few minutes and proves that everything runs, not what it costs.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from benchmarks.gateways.comparison import verdicts
from benchmarks.gateways.costs import measure_costs
from benchmarks.gateways.delays import measure_first_bytes, measure_rates
from benchmarks.gateways.litellm import LiteLLM
from benchmarks.gateways.load_generator import build_load_generator
from benchmarks.gateways.measurement import FULL, QUICK, Bench, Measurement
from benchmarks.gateways.memory import measure_memory
from benchmarks.gateways.moorage import Moorage
from benchmarks.gateways.python_environment import install
from benchmarks.gateways.subject import CACHE_HITS, running, surroundings
from benchmarks.gateways.table import print_figures, print_machine, print_verdicts
from benchmarks.gateways.vllm_router import VllmRouter
from rich.console import Console

if TYPE_CHECKING:
    from benchmarks.gateways.product import Product

OPEN_FILES = 8192
REFERENCE_POLICY = "round_robin"  # the cheapest that vllm-router has, so the hardest to compare with
command_line = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console(highlight=False, soft_wrap=True)


@command_line.command()
def main(*, quick: Annotated[bool, typer.Option("--quick", help="Short runs, to see that it works.")] = False) -> None:
    """Measures, prints the figures and the goals, and fails where a goal is missed."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    generator = build_load_generator()
    router = install("vllm-router")
    moorage, reference = Moorage(), VllmRouter(router, REFERENCE_POLICY)
    products: list[Product] = [moorage, LiteLLM(install("litellm")), reference, VllmRouter(router, "cache_aware")]
    effort = QUICK if quick else FULL
    with tempfile.TemporaryDirectory() as folder, surroundings(generator, Path(folder)) as around:
        bench = Bench(generator, around, effort, say)
        measured, versions = compare(products, bench)
    for title, are_hits in ((f"Without a cache; {effort.streams} open streams", False), ("Cache hits", True)):
        console.print(f"\n{title}\n")
        print_figures({name: of for name, of in measured.items() if name.endswith(CACHE_HITS) is are_hits}, versions)
    console.print("\nGoals: Moorage, as a multiple of vllm-router in this run\n")
    found = verdicts(measured[moorage.name], measured[moorage.name + CACHE_HITS], measured[reference.name])
    print_verdicts(found)
    print_machine()
    problems = [f"{name}: {text}" for name, of in measured.items() for text in of.problems]
    for problem in problems:
        console.print(f"failed requests: {problem}", style="red", markup=False)
    sys.exit(0 if all(verdict.passes for verdict in found) and not problems else 1)


def compare(products: list[Product], bench: Bench) -> tuple[dict[str, Measurement], dict[str, str]]:
    """What was measured, and the version, of each; the engine alone stands beside the gateways."""
    say("starting the gateways")
    with running(products, bench.around) as gateways:
        subjects = [bench.around.engine, *gateways]
        measured = {subject.name: Measurement() for subject in subjects}
        capacities = measure_costs(subjects, measured, bench)
        measure_first_bytes(gateways, measured, bench)
        measure_rates(gateways, measured, capacities, bench)
        measure_memory([subject for subject in subjects if not subject.target.same], measured, bench)
    return measured, {subject.name: subject.version for subject in subjects}


def say(message: str) -> None:
    console.print(f"{time.strftime('%H:%M:%S')} {message}", markup=False)


if __name__ == "__main__":
    command_line()

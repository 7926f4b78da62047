"""How a model is split over nodes that are there already."""

from pydantic import BaseModel, ConfigDict, Field

from moorage.engine.parallelism import Parallelism, tensor_parallel_sizes
from moorage.planner.gpu_memory import Demand, fits, shortage
from moorage.planner.pool_refusals import lora_rank_problems, tensor_parallel_problems
from moorage.spec import Problem, SpecError
from moorage.spec.numbers import WholeNumber


class NodeShape(BaseModel):
    """The GPUs of nodes that all look alike."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    gpu_memory_gib: float = Field(gt=0)
    """What torch sees of one GPU."""
    gpus_per_node: WholeNumber = Field(default=1, ge=1)
    max_nodes: WholeNumber = Field(default=1, ge=1)
    """Over how many one replica may be spread."""
    tensor_parallel_size: WholeNumber | None = Field(default=None, ge=1)
    """Default: the fewest GPUs that hold the model."""


def node_parallelism(demand: Demand, shape: NodeShape) -> Parallelism:
    """On the fewest nodes, then on the fewest GPUs.

    Raises:
        SpecError: the model does not fit; with the numbers for as many GPUs as there are.
    """
    problems = list(_problems(demand, shape))
    if problems:
        raise SpecError(problems)
    possible = [
        Parallelism(size, nodes)
        for nodes in range(1, min(shape.max_nodes, demand.facts.num_hidden_layers) + 1)
        for size in tensor_parallel_sizes(demand.facts, shape.gpus_per_node)
        if shape.tensor_parallel_size in (None, size)
    ]
    found = next((split for split in possible if fits(demand, split, shape.gpu_memory_gib)), None)
    if found is not None:
        return found
    most = possible[-1]
    problem = shortage(demand, most, shape.gpu_memory_gib, f"{most.devices} GPUs")
    raise SpecError([problem] if problem else [])


def _problems(demand: Demand, shape: NodeShape) -> list[Problem]:
    size, key = shape.tensor_parallel_size, "nodes.tensor_parallel_size"
    problems = [*lora_rank_problems(demand.lora_rank or 1, "engine.lora_rank")]
    if size is not None:
        problems += tensor_parallel_problems(demand.facts, size, key)
        if size > shape.gpus_per_node:
            problems.append(Problem(key, f" = {size}: must be at most nodes.gpus_per_node = {shape.gpus_per_node}"))
    return problems

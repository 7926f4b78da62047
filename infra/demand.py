"""What engines have to hold, as a stack's file says it."""

from typing import TYPE_CHECKING, cast

from configuration import Configuration
from moorage.planner.gpu_memory import Demand

if TYPE_CHECKING:
    from moorage.spec import ModelFacts, ModelSpec


def demand_of(configuration: Configuration) -> Demand:
    """`Configuration` has seen to it that stacks outside of this machine have both."""
    model, facts = cast("tuple[ModelSpec, ModelFacts]", (configuration.model, configuration.model_facts))
    return Demand(model, facts, configuration.load, configuration.engine.lora_rank)

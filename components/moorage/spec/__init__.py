"""What is served, for which load and how well: typed, validated, and without input or output."""

from moorage.spec.errors import Problem, SpecError
from moorage.spec.facts import ModelFacts
from moorage.spec.load import Load
from moorage.spec.model import ModelSpec
from moorage.spec.parsing import parse, parse_facts, parse_load, parse_model, parse_service_level
from moorage.spec.service_level import ServiceLevel
from moorage.spec.source import BucketSource, FolderSource, HubSource, ModelSource, parse_source

__all__ = [
    "BucketSource",
    "FolderSource",
    "HubSource",
    "Load",
    "ModelFacts",
    "ModelSource",
    "ModelSpec",
    "Problem",
    "ServiceLevel",
    "SpecError",
    "parse",
    "parse_facts",
    "parse_load",
    "parse_model",
    "parse_service_level",
    "parse_source",
]

"""A user's tags are on everything that AWS bills, and a change of them replaces nothing."""

import importlib
import inspect
import json
from collections.abc import Iterator, Mapping
from keyword import iskeyword
from typing import Any

import pulumi
import pytest

from moorage.aws.tags import MAX_TAGS
from moorage.spec import SpecError

from .aws_example_values import TAGS
from .aws_examples import AWS_EXAMPLES
from .aws_programs import VARIANTS, Variant, every_variant, program
from .recording import Registration, run_program

OTHER_TAGS = {"team": "shipyard", "cost-center": "7", "owner": "me"}
LAUNCHED = {"instance", "network-interface", "volume"}


def takes_tags(registration: Registration) -> bool:
    """Whether AWS can tag it, as the SDK knows: `aws:ec2/vpc:Vpc` is `pulumi_aws.ec2.Vpc`."""
    package, module, name = registration.type.split(":")
    if package != "aws":
        return False
    service = module.split("/")[0]
    kind = getattr(importlib.import_module(f"pulumi_aws.{service}{'_' * iskeyword(service)}"), name)
    return "tags" in inspect.signature(kind._internal_init).parameters


def tags_of(registration: Registration) -> dict[str, str]:
    """An Auto Scaling group has a list of them, each with whether what it launches has it too."""
    tags = registration.inputs.get("tags", {})
    return {tag["key"]: tag["value"] for tag in tags} if isinstance(tags, list) else tags


@every_variant
def test_whatever_takes_tags_has_the_users(variant: Variant):
    _, recording = run_program(program(variant))
    for registration in filter(takes_tags, recording.registrations):
        assert TAGS.items() <= tags_of(registration).items(), registration.name


@every_variant
def test_whatever_takes_tags_has_a_name_in_the_console(variant: Variant):
    _, recording = run_program(program(variant))
    for registration in filter(takes_tags, recording.registrations):
        assert tags_of(registration)["Name"].startswith("harbour"), registration.name


def test_most_of_what_is_made_takes_tags():
    """Else the tests above would pass for an SDK that was not understood."""
    made = [found for variant in VARIANTS.values() for found in run_program(program(variant))[1].registrations]
    assert len([found for found in made if takes_tags(found)]) > len(made) / 3


@every_variant
def test_what_is_launched_has_them_too(variant: Variant):
    _, recording = run_program(program(variant))
    for template in recording.of_type("LaunchTemplate"):
        specifications = {part["resourceType"]: part["tags"] for part in template.inputs["tagSpecifications"]}
        assert set(specifications) == LAUNCHED
        assert all(TAGS.items() <= tags.items() for tags in specifications.values())
    for group in recording.of_type("Group"):
        assert all(tag["propagateAtLaunch"] for tag in group.inputs["tags"])
    for node_class in [*recording.of_type("NodeClass"), *recording.of_type("EC2NodeClass")]:
        assert node_class.inputs["spec"]["tags"] == TAGS


@every_variant
def test_a_change_of_tags_changes_nothing_else(variant: Variant):
    _, before = run_program(program(variant))
    _, after = run_program(program(variant, tags=OTHER_TAGS))
    assert {found.urn: without_tags(found.inputs) for found in after.registrations} == {
        found.urn: without_tags(found.inputs) for found in before.registrations
    }


TAG_KEYS = {"tags", "tagSpecifications", "ExplicitTags"}


def without_tags(value: Any) -> Any:
    if isinstance(value, Mapping):
        inside = {**value, **{key: json.loads(text) for key, text in value.items() if key == "templateBody"}}
        return {key: without_tags(part) for key, part in inside.items() if key not in TAG_KEYS}
    if isinstance(value, list):
        return [without_tags(part) for part in value]
    return value


def refused() -> Iterator[Mapping[str, str]]:
    yield {f"tag-{number}": "" for number in range(MAX_TAGS + 1)}
    yield {"": "value"}
    yield {"k" * 129: "value"}
    yield {"key": "v" * 257}
    yield {"Name": "mine"}
    yield {"aws:owner": "me"}
    yield {"kubernetes.io/cluster/other": "owned"}


@pytest.mark.parametrize(
    "variant",
    [pytest.param(variant, id=name) for name, variant in VARIANTS.items() if "tags" in AWS_EXAMPLES[variant[0]]],
)
@pytest.mark.parametrize("tags", list(refused()))
def test_tags_that_aws_or_a_controller_would_refuse_are_refused_at_preview(variant: Variant, tags: Mapping[str, str]):
    with pytest.raises(SpecError, match="tags"):
        run_program(program(variant, tags=tags))


def test_no_resource_has_more_tags_than_aws_allows():
    most = {f"tag-{number}": "" for number in range(MAX_TAGS)}
    for variant in VARIANTS.values():
        _, recording = run_program(program(variant, tags=most))
        for registration in filter(takes_tags, recording.registrations):
            assert len(registration.inputs["tags"]) <= 50


def test_the_registered_component_says_its_tags_as_they_were_given():
    made, recording = run_program(program(VARIANTS["network"]))
    assert isinstance(made, pulumi.ComponentResource)
    assert recording.registrations[0].inputs["tags"] == TAGS

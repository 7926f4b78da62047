"""Terraform's provider for AWS, of another origin than Pulumi's types, reads every stack, and moto makes it."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from .terraform import Terraform

_DIFFERENCES: dict[str, dict[str, str]] = yaml.safe_load(Path(__file__).with_name("differences.yaml").read_text())
NEWER_THAN_THE_PROVIDER, NOT_IN_MOTO = _DIFFERENCES["newer_than_the_provider"], _DIFFERENCES["not_in_moto"]
NEWER_VALUES = _DIFFERENCES["newer_values"]
FORGOTTEN_BY_MOTO, ENDLESS_IN_MOTO = _DIFFERENCES["forgotten_by_moto"], _DIFFERENCES["endless_in_moto"]


def test_the_provider_has_a_word_for_all_but_what_is_newer(replayed: SimpleNamespace):
    unexplained = [word for word in replayed.unknown if _kind(word) not in NEWER_THAN_THE_PROVIDER]
    assert unexplained == []


def test_the_provider_accepts_it(replayed: SimpleNamespace, tmp_path: Path):
    assert Terraform(tmp_path).validate(_without_newer_values(replayed.resources), "http://127.0.0.1:1") == []


@pytest.mark.timeout(900)
def test_moto_makes_all_that_it_knows_and_other_tags_replace_nothing(
    replayed: SimpleNamespace, tagged_anew: SimpleNamespace, tmp_path: Path, moto: str
):
    """One test, for what moto has is to be made only once."""
    terraform = Terraform(tmp_path)
    known = _with_the_users_zone(_without_what_moto_lacks(replayed.resources))
    assert terraform.validate(known, moto) == []
    applied = terraform.apply()
    assert "\n".join(f"{address}: {error}" for address, error in applied.errors.items()) == ""
    assert applied.created == {f"{kind}.{label}" for kind, found in known.items() for label in found}
    assert terraform.replaced() <= set(FORGOTTEN_BY_MOTO)
    assert terraform.validate(_with_the_users_zone(_without_what_moto_lacks(tagged_anew.resources)), moto) == []
    assert terraform.replaced() <= set(FORGOTTEN_BY_MOTO)


def _kind(word: str) -> str:
    """`aws_sqs_queue.jobs.fifoThroughput` is `aws_sqs_queue.fifoThroughput`; a type of Pulumi's is itself."""
    kind, _, rest = word.partition(".")
    return f"{kind}.{rest.partition('.')[2]}" if rest else kind


def _with_the_users_zone(resources: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Which a stack's file names by its id: moto gives it one."""
    if "aws_route53_record" not in resources:
        return resources
    zone = {"aws_route53_zone": {"users": {"name": "example.com"}}}
    return {**zone, **json.loads(json.dumps(resources).replace('"ZONE"', '"${aws_route53_zone.users.zone_id}"'))}


def _without_newer_values(part: Any) -> Any:
    """Without the arguments that have one."""
    if isinstance(part, dict):
        return {key: _without_newer_values(value) for key, value in part.items() if value not in list(NEWER_VALUES)}
    return [_without_newer_values(value) for value in part] if isinstance(part, list) else part


def _without_what_is_endless(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    return {argument: value for argument, value in body.items() if f"{kind}.{argument}" not in ENDLESS_IN_MOTO}


def _is_lacked_by_moto(kind: str, body: dict[str, Any]) -> bool:
    return kind in NOT_IN_MOTO or any(f"{kind}.{argument}" in NOT_IN_MOTO for argument in body)


def _without_what_moto_lacks(resources: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """And without what refers to it."""
    left_out = [
        f"{kind}.{label}"
        for kind, found in resources.items()
        for label, body in found.items()
        if _is_lacked_by_moto(kind, body)
    ]
    known = {
        kind: {
            label: _without_what_is_endless(kind, body)
            for label, body in found.items()
            if f"{kind}.{label}" not in left_out
        }
        for kind, found in _without_newer_values(resources).items()
    }
    while True:
        dependent = [
            (kind, label)
            for kind, found in known.items()
            for label, body in found.items()
            if set(left_out) & set(body.get("depends_on", []))
        ]
        if not dependent:
            return {kind: found for kind, found in known.items() if found}
        for kind, label in dependent:
            left_out.append(f"{kind}.{label}")
            known = {**known, kind: {other: body for other, body in known[kind].items() if other != label}}

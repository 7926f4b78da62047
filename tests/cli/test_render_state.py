"""What a cloud has made is known to `moorage render` from the stack's state."""

import json
from pathlib import Path

import pytest

from .conftest import MakeProject, Render, objects

PROGRAM = """
    import pulumi_aws.sqs
    from pulumi_kubernetes.core.v1 import ConfigMap

    queue = pulumi_aws.sqs.Queue("orders", name="shop-orders")
    ConfigMap("settings", data={"arn": queue.arn, "id": queue.id, "policy": queue.policy})
"""
ARN = "arn:aws:sqs:eu-central-1:123456789012:shop-orders"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:abc"}


def queue(name: str = "orders", parent: str = "", **outputs: object) -> dict[str, object]:
    kind = "aws:sqs/queue:Queue"
    return {
        "urn": f"urn:pulumi:dev::shop::{parent}{kind}::{name}",
        "type": kind,
        "id": "https://sqs/1",
        "outputs": outputs,
    }


def state_of(folder: Path, *resources: dict[str, object]) -> str:
    stack = {"urn": "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev", "type": "pulumi:pulumi:Stack"}
    (folder / "state.json").write_text(
        json.dumps({"version": 3, "deployment": {"manifest": {}, "resources": [stack, *resources]}})
    )
    return "state.json"


def test_its_values_are_written(make_project: MakeProject, render: Render):
    folder = make_project(PROGRAM)
    result = render("--state", state_of(folder, queue(arn=ARN, policy="{}")))
    assert result.exit_code == 0, result.stderr
    assert objects(folder)["30-configmap_settings.yaml"]["data"] == {"arn": ARN, "id": "https://sqs/1", "policy": "{}"}


def test_what_the_state_has_encrypted_stays_unknown(make_project: MakeProject, render: Render):
    folder = make_project(PROGRAM)
    result = render("--state", state_of(folder, queue(arn=ARN, policy=SECRET)))
    assert result.exit_code == 1
    assert "data.policy is only known after `pulumi up`" in result.stderr
    assert "data.arn" not in result.stderr


def test_what_the_cloud_has_not_made_yet_is_named_as_without_a_state(make_project: MakeProject, render: Render):
    folder = make_project(PROGRAM)
    result = render("--state", state_of(folder, queue("others", arn=ARN)))
    assert result.exit_code == 1
    assert "ConfigMap settings: data.arn is only known after `pulumi up`" in result.stderr


def test_of_two_with_one_name_none_is_taken_for_the_other(make_project: MakeProject, render: Render):
    folder = make_project(PROGRAM)
    twins = (queue(arn=ARN, policy="{}"), queue(parent="shop:index:Till$", arn="arn:other", policy="{}"))
    result = render("--state", state_of(folder, *twins))
    assert result.exit_code == 1
    assert "data.arn is only known after `pulumi up`" in result.stderr


@pytest.mark.parametrize("text", ["", "[]", '{"deployment": {"resources": [{"urn": 1}]}}'])
def test_a_file_that_is_no_state_is_refused(make_project: MakeProject, render: Render, text: str):
    (make_project(PROGRAM) / "state.json").write_text(text)
    result = render("--state", "state.json")
    assert result.exit_code == 1
    assert "--state state.json: must be what `pulumi stack export` writes" in result.stderr


def test_a_file_that_is_not_there_is_named(make_project: MakeProject, render: Render):
    make_project(PROGRAM)
    result = render("--state", "state.json")
    assert result.exit_code == 1
    assert "--state state.json: No such file or directory" in result.stderr

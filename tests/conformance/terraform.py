"""Terraform with AWS's provider out of a folder of plugins, before moto instead of AWS."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

PROVIDER_VERSION = "5.100.0"
PLUGIN_FOLDERS = ("/opt/tf-plugins", "/usr/share/terraform/plugins", "/usr/local/share/terraform/plugins")
"""Where Terraform's packages put providers; TF_PLUGINS names another."""
_MAX_APPLY_SECONDS = 480


class Applied(NamedTuple):
    """What one `terraform apply` has done."""

    created: frozenset[str]
    """Addresses."""
    errors: Mapping[str, str]
    """By address, in the provider's words."""


class Terraform:
    """One working folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        found = shutil.which("terraform")
        plugins = [Path(place) for place in (os.environ.get("TF_PLUGINS"), *PLUGIN_FOLDERS) if place]
        mirror = next((place for place in plugins if (place / "registry.terraform.io/hashicorp/aws").is_dir()), None)
        if found is None or mirror is None:
            raise AssertionError(
                "terraform and its AWS provider are missing: put `terraform` on PATH and name a folder with "
                f"hashicorp/aws {PROVIDER_VERSION} by TF_PLUGINS (terraform providers mirror FOLDER)"
            )
        self._terraform, self._mirror = found, mirror
        requirement = {"aws": {"source": "hashicorp/aws", "version": PROVIDER_VERSION}}
        self._write("versions", {"terraform": {"required_providers": requirement}})
        self._run("init", f"-plugin-dir={self._mirror}")

    def schema(self, file: Path) -> None:
        """Writes the provider's schema, 14 MB of JSON."""
        file.write_text(self._run("providers", "schema", "-json").stdout)

    def validate(self, resources: Mapping[str, Any], endpoint: str) -> list[str]:
        """What the provider says is wrong, each with its address."""
        self._write("main", {"provider": {"aws": _provider(endpoint)}, "resource": resources})
        report = json.loads(self._run("validate", "-json", check=False).stdout)
        return [
            f"{found.get('address', '')}: {found['summary']}: {found.get('detail', '')}"
            for found in report["diagnostics"]
            if found["severity"] == "error"
        ]

    def apply(self) -> Applied:
        """What was validated, in at most eight minutes: the provider tries for ever what moto does not know."""
        done = self._run("apply", "-auto-approve", "-parallelism=20", check=False, seconds=_MAX_APPLY_SECONDS)
        output = done.stdout + done.stderr
        created = re.findall(r"^(\S+): Creation complete", output, re.MULTILINE)
        errors = re.findall(r"^Error: (.*?)\n.*?^ +with (\S+),$", output, re.MULTILINE | re.DOTALL)
        return Applied(frozenset(created), {address: message for message, address in errors})

    def replaced(self) -> set[str]:
        """By which arguments the provider would make a resource anew: `aws_eks_cluster.name`, or its address alone
        where it would only delete it."""
        self._run("plan", "-out=plan", seconds=_MAX_APPLY_SECONDS)
        plan = json.loads(self._run("show", "-json", "plan").stdout)
        changes = plan.get("resource_changes", [])
        deleted = [found for found in changes if "delete" in found["change"]["actions"]]
        return {
            f"{found['type']}.{path[0]}" if path else found["address"]
            for found in deleted
            for path in found["change"].get("replace_paths", [[]])
        }

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        (self._folder / f"{name}.tf.json").write_text(json.dumps(content, indent=1))

    def _run(self, *arguments: str, check: bool = True, seconds: int = 120) -> "subprocess.CompletedProcess[str]":
        command = ["timeout", "--signal=INT", str(seconds), self._terraform, *arguments]
        if "-json" not in arguments or arguments[0] == "apply":
            command.append("-no-color")
        quiet = {**os.environ, "TF_CLI_CONFIG_FILE": os.devnull, "CHECKPOINT_DISABLE": "1"}
        return subprocess.run(command, cwd=self._folder, env=quiet, check=check, capture_output=True, text=True)


SERVICES = (
    *("acm", "apigateway", "appautoscaling", "autoscaling", "budgets", "cloudformation", "cloudfront"),
    *("cloudfrontkeyvaluestore", "cloudwatch", "dynamodb", "ec2", "ecr", "ecs", "eks", "elasticache", "elbv2"),
    *("events", "iam", "kms", "lambda", "logs", "route53", "s3", "sagemaker", "scheduler", "secretsmanager"),
    *("servicediscovery", "sns", "sqs", "ssm", "sts", "wafv2"),
)
"""Whose calls go to moto."""


def _provider(endpoint: str) -> dict[str, Any]:
    return {
        "region": "us-east-1",
        "access_key": "test",
        "secret_key": "test",
        "skip_credentials_validation": True,
        "skip_metadata_api_check": True,
        "s3_use_path_style": True,
        "endpoints": dict.fromkeys(SERVICES, endpoint),
    }

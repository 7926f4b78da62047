"""`moorage render`: a stack's Kubernetes objects as files, for those who deploy with GitOps."""

from pathlib import Path
from typing import Annotated

import typer

from moorage.cli.manifest_files import write_manifests
from moorage.cli.manifests import Manifests, manifests_of
from moorage.cli.offline_program import NoProviders, registrations
from moorage.cli.problems import CommandError, RenderError
from moorage.cli.project import find_project, read_configuration
from moorage.cli.state import read_state

DEFAULT_STORE = "moorage"


def render(
    *,
    stack: Annotated[str, typer.Option(help="The stack whose program is run.")],
    out: Annotated[Path, typer.Option(help="The folder for the files; what an earlier call wrote there is replaced.")],
    secret_store: Annotated[
        str,
        typer.Option(help="The ClusterSecretStore of the External Secrets Operator that holds the Secrets."),
    ] = DEFAULT_STORE,
    show_secrets: Annotated[
        bool, typer.Option("--show-secrets", help="Write Secrets as they are, in clear, instead of ExternalSecrets.")
    ] = False,
    state: Annotated[
        Path | None,
        typer.Option(
            help="What `pulumi stack export` wrote of a stack whose cloud resources are up: gives their values."
        ),
    ] = None,
) -> None:
    """Write every Kubernetes object of a stack as YAML, without a cluster or credentials."""
    try:
        manifests = render_stack(stack, out, secret_store=secret_store, show_secrets=show_secrets, state=state)
    except CommandError as error:
        typer.secho(f"moorage render: {error}", fg="red", err=True)
        raise typer.Exit(1) from None
    _report(manifests, out, secret_store)


def render_stack(
    stack: str, out: Path, *, secret_store: str, show_secrets: bool, state: Path | None = None
) -> Manifests:
    """What was written to `out`. Raises `CommandError`, and then has written nothing."""
    project = find_project(Path.cwd())
    configuration = read_configuration(project, stack)
    made = None if state is None else read_state(state)
    provider = NoProviders(make_credentials=show_secrets, made=made)
    registered = registrations(project, stack, configuration, provider)
    manifests = manifests_of(registered, secret_store=secret_store, show_secrets=show_secrets)
    if manifests.problems:
        raise RenderError(stack, manifests.problems)
    if not manifests.objects:
        raise RenderError(stack, ["it has no Kubernetes objects"])
    write_manifests(out, stack, manifests.objects, manifests.helm_releases)
    manifests.api_keys.update(provider.api_keys)
    return manifests


def _report(manifests: Manifests, out: Path, secret_store: str) -> None:
    _say(f"{len(manifests.objects)} objects in {out}")
    if manifests.helm_releases:
        _say("Charts, whose objects Helm makes; after their namespaces and Secrets, and before the rest:")
    for release in manifests.helm_releases:
        _say(f"  {release.command(out)}")
    if manifests.other_resources:
        _say("No Kubernetes objects, and so not written:")
    for resource in manifests.other_resources:
        _say(f"  {resource}")
    if manifests.api_keys:
        _say("Made for this call, and shown only now:")
    for name, key in manifests.api_keys.items():
        _say(f"  {name}: {key}")
    if manifests.missing_secrets:
        _say(
            "Secrets are written as ExternalSecrets, without their values (--show-secrets would write them in clear). "
            f"Put these properties into the ClusterSecretStore {secret_store}:"
        )
    for entry, properties in manifests.missing_secrets.items():
        _say(f"  {entry}: {', '.join(properties)}")


def _say(line: str) -> None:
    typer.echo(line, err=True)

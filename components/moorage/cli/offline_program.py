"""Runs the program of a Pulumi project as in a preview, without engine, providers, cloud or cluster."""

import base64
import json
import os
import pickle
import runpy
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import cast

from pulumi import RunError
from pulumi.runtime import Mocks
from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs

from moorage.cli.absent import absent
from moorage.cli.credentials import CREDENTIALS, HASHED
from moorage.cli.manifest import Document, mapping
from moorage.cli.problems import CommandError, RenderError
from moorage.cli.project import Configuration, Project
from moorage.cli.recording import Registration, run_program
from moorage.cli.state import Made


class NoProviders(Mocks):
    """Knows of a resource what the program has said about it, and what `made` has of it; everything else is unknown.

    Credentials are made with `make_credentials` alone. Without, a mark stands for each, so that a map of them keeps its
    keys and every place that shows one is found.
    """

    def __init__(self, *, make_credentials: bool, made: Mapping[tuple[str, str], Made] | None = None) -> None:
        self._make_credentials = make_credentials
        self._made = made or {}
        self.api_keys: dict[str, str] = {}
        """Those that were made, by the resource's name."""

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, Document]:
        inputs = cast("Document", args.inputs)  # pyright: ignore[reportUnknownMemberType]
        if args.typ.startswith("kubernetes:"):
            return _kubernetes_object(args.name, inputs)
        names = CREDENTIALS.get(args.typ, ())
        if names and self._make_credentials:
            made = _made(inputs)
            if "key" in made:
                self.api_keys[args.name] = str(made["key"])
            return None, {**inputs, **made}
        if args.typ in HASHED:
            return None, inputs
        if not names and (known := self._made.get((args.typ, args.name))):
            return known.id, {**inputs, **known.outputs}
        return None, {
            **inputs,
            **{name: absent(f"{name} of {args.typ} {args.name}, which only --show-secrets makes") for name in names},
        }

    def call(self, args: MockCallArgs) -> tuple[dict[str, object], list[tuple[str, str]] | None]:
        raise CommandError(f"the program asks a provider for {args.token}, which only a cloud can answer")


def registrations(
    project: Project, stack: str, configuration: Configuration, provider: NoProviders
) -> list[Registration]:
    """What the program registers. Raises `CommandError` with what it says when it refuses."""

    def program() -> None:
        runpy.run_path(str(project.program), run_name="__main__")

    with _as_pulumi_runs_it(project, configuration):
        try:
            _, recording = run_program(program, provider, project=project.name, stack=stack, preview=True)
        except (RunError, CommandError) as error:
            raise RenderError(stack, [str(error)]) from None
    return recording.registrations


def _made(inputs: Document) -> Document:
    """What the resource's own provider makes, which the program hands over as Pulumi's SDK has pickled it."""
    provider = pickle.loads(base64.b64decode(str(inputs["__provider"])))  # noqa: S301 - this process has written it
    return provider.create(inputs).outs


def _kubernetes_object(name: str, inputs: Document) -> tuple[str, Document]:
    """Named as its resource where the program gives no name: the provider's random suffix would differ each time."""
    metadata: Document = {"name": name, **mapping(inputs.get("metadata"))}
    identity = "/".join(str(part) for part in (metadata.get("namespace"), metadata["name"]) if part)
    return identity, {**inputs, "metadata": metadata}


@contextmanager
def _as_pulumi_runs_it(project: Project, configuration: Configuration) -> Generator[None]:
    """In the program's folder, with its configuration in the environment, where the SDK looks for it."""
    before, directory, path = dict(os.environ), os.getcwd(), list(sys.path)  # noqa: PTH109 - chdir's counterpart
    os.environ["PULUMI_CONFIG"] = json.dumps(configuration.values)
    os.environ["PULUMI_CONFIG_SECRET_KEYS"] = json.dumps(configuration.secret_keys)
    folder = project.program if project.program.is_dir() else project.program.parent
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        os.chdir(directory)
        os.environ.clear()
        os.environ.update(before)
        sys.path[:] = path

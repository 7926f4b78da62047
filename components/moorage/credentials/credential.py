"""What makes credentials up: in a Python program itself, or where Moorage's plugin runs the components, in that."""

from collections.abc import Mapping
from typing import ClassVar

import pulumi
from pulumi.dynamic import Resource, ResourceProvider


class Credential(Resource):
    """A resource that is made by Python code of ours.

    A dynamic one needs a Python with this library beside the user's program, which programs in other languages have
    not. The plugin that serves them does what a dynamic provider would.
    """

    implementation: ClassVar[type[ResourceProvider]]
    """Makes it."""
    in_plugin: ClassVar[bool] = False
    """Whether this process is that plugin."""

    def __init__(self, name: str, properties: Mapping[str, pulumi.Input[object]], opts: pulumi.ResourceOptions) -> None:
        if self.in_plugin:
            kind = f"moorage:index:{type(self).__name__}"
            pulumi.CustomResource.__init__(self, kind, name, dict(properties), opts)
        else:
            super().__init__(self.implementation(), name, dict(properties), opts)

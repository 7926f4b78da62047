"""`python -m moorage_serving.gateway`."""

from moorage_serving.gateway.cli import command_line

command_line()

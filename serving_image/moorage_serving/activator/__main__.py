"""`python -m moorage_serving.activator`."""

from moorage_serving.activator.cli import command_line

command_line()

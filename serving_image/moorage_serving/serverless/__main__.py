"""`python -m moorage_serving.serverless`."""

from moorage_serving.serverless.cli import command_line

command_line()

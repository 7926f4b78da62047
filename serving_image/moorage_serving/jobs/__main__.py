"""`python -m moorage_serving.jobs`."""

from moorage_serving.jobs.cli import command_line

command_line()

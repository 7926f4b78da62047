"""The command's entry point."""

import typer

from moorage.cli.edge import edge
from moorage.cli.render import render

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_show_locals=False)
app.command()(render)
app.add_typer(edge, name="edge")


@app.callback()
def main() -> None:
    """Moorage: a finetuned LLM behind one OpenAI endpoint, on any cloud."""

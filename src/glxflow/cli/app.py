"""The command ``glxflow``: its sub-commands, and how an error reaches the user."""

import typer

app = typer.Typer(no_args_is_help=True)


def main() -> None:
    """Run the command line."""
    app()

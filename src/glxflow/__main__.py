"""Run the command line as ``python -m glxflow``."""

from glxflow.cli.app import main

main()

"""`python -m sipagent`."""

from sipagent.cli import main

main()

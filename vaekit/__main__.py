"""python -m vaekit."""

from vaekit.interfaces.cli import main

main()

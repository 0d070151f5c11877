"""Run the command line from a source checkout: ``python cli.py --help``."""

from invert_core.entry import main

if __name__ == "__main__":
    main()

"""`python -m engine ...`: everything the pages can do, without a browser."""

import sys

from engine.commands.line import main

if __name__ == "__main__":
    sys.exit(main())

"""`python -m lookalike_worker`."""

import sys

from lookalike_worker.app import main

sys.exit(main())

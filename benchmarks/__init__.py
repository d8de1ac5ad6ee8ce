"""asv suites over all registered activations, and a comparison with other libraries (peers.py)."""

import os
from pathlib import Path

# asv installs one commit after another into the same environment. Each gets kernels of its own, so that no
# commit can be timed with what another one compiled.
if "ASV_ENV_DIR" in os.environ and "ASV_COMMIT" in os.environ:
    kernels = Path(os.environ["ASV_ENV_DIR"], "fastact-kernels", os.environ["ASV_COMMIT"])
    os.environ["FASTACT_CACHE_DIR"] = str(kernels)

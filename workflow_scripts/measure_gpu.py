"""Starts `ilora bench gpu` with any Python that can see this folder: ``python measure_gpu.py [ARGUMENTS OF IT]``."""

import sys

from ilora.cli import main

if __name__ == "__main__":
    sys.exit(main(["bench", "gpu", *sys.argv[1:]]))

"""Run `ilora bench gpu` with any Python and without an installation: ``python measure_gpu.py [ARGUMENTS]``."""

import sys

from ilora.cli import main

if __name__ == "__main__":
    sys.exit(main(["bench", "gpu", *sys.argv[1:]]))

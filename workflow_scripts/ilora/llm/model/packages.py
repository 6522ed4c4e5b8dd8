"""Whether a model in a package is the one that the workflow knows."""

from collections.abc import Mapping
from pathlib import Path

from ilora.configuration.packaged_models import INSTALLATION
from ilora.llm.model.backbones import BackboneError


def check_package(path: Path, digest: str, package: Mapping[str, str]) -> None:
    """Refuse a file that was altered since its package was made.

    Args:
        path: of the weights.
        digest: their sha256.
        package: fields of `ilora.configuration.packaged_models.PackagedModel`.

    Raises:
        BackboneError: its sha256 is another.
    """
    if digest != package["sha256"]:
        raise BackboneError(
            f"{path}: found sha256 {digest}, expected {package['sha256']}, that of {package['package']} "
            f"{package['version']}: it was altered. Uninstall the package and install it again: {INSTALLATION}"
        )

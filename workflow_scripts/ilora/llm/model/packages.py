"""Verification of models from packages."""

from collections.abc import Mapping
from pathlib import Path

from ilora.configuration.packaged_models import INSTALLATION
from ilora.llm.model.backbones import BackboneError


def check_package(path: Path, digest: str, package: Mapping[str, str]) -> None:
    """Refuse a weights file that differs from the published package.

    Args:
        path: path of the weights.
        digest: sha256 of the weights.
        package: fields of `ilora.configuration.packaged_models.PackagedModel`.

    Raises:
        BackboneError: if the sha256 differs.
    """
    if digest != package["sha256"]:
        raise BackboneError(
            f"{path}: found sha256 {digest}, expected {package['sha256']} as in {package['package']} "
            f"{package['version']}: it was altered. Uninstall the package and install it again: {INSTALLATION}"
        )

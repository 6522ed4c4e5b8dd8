"""JSON files, verified when read."""

import json
import os
from pathlib import Path
from typing import Any

from ilora.artifacts.errors import damaged, missing
from ilora.artifacts.records import check_file


def read_json(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the JSON object in a file.

    Raises:
        FileNotFoundError: there is no file at `path`.
        ArtifactError: the file is truncated or altered, or does not contain an object.
    """
    path = Path(path)
    if not path.is_file():
        raise missing(path)
    check_file(path)
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        raise damaged(path, f"is not a whole JSON file ({error})") from error
    if not isinstance(content, dict):
        raise damaged(path, f"contains a {type(content).__name__}, expected a JSON object")
    return content

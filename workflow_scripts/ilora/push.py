"""Upload a tuned adapter to the Hugging Face hub: ``ilora push ADAPTER ORGANISATION/NAME``."""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from httpx2 import HTTPError
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError

from ilora.artifacts.errors import ArtifactError
from ilora.cli import example
from ilora.llm.hub.publishing import PublishedFile, finished_adapter

TOKEN_VARIABLE = "HF_TOKEN"
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")

#: Advice on an answer of the hub, by HTTP status.
_ADVICE = {
    401: f"the token in {TOKEN_VARIABLE} is not valid: create a new one in your account's settings",
    403: f"the token in {TOKEN_VARIABLE} may not write there: give it write access, or name another organisation",
    404: "there is no such organisation, or the token has no access to it",
}
_NOT_KEPT = "The base model, the recommender, the titles and the users' histories are not uploaded."


class PushError(RuntimeError):
    """The adapter cannot be uploaded; the message says what to do."""


def described(files: Sequence[PublishedFile], repository: str) -> str:
    """Return the list of uploaded files, one on each line."""
    width = max(len(file.name) for file in files)
    lines = [f"  {file.name:<{width}}  {file.size:>12,} bytes  {file.content}" for file in files]
    return "\n".join([f"To {repository}:", *lines, _NOT_KEPT])


def upload(adapter: Path, files: Sequence[PublishedFile], repository: str, token: str, is_private: bool) -> str:
    """Upload the files of an adapter, creating the repository if necessary, and return the address of the commit.

    Args:
        adapter: folder of the adapter.
        files: files to upload.
        repository: ``organisation/name``.
        token: token with write access.
        is_private: whether a new repository is private; an existing one must be private already.

    Raises:
        PushError: if the hub refuses, cannot be reached, or has this repository in public.
    """
    hub = HfApi(token=token)
    try:
        hub.create_repo(repository, private=is_private or None, exist_ok=True)
        if is_private and not hub.model_info(repository).private:
            raise PushError(f"{repository}: is already public. Choose another one, or make it private on its page.")
        commit = hub.upload_folder(
            repo_id=repository,
            folder_path=adapter,
            allow_patterns=[file.name for file in files],
            commit_message="Upload adapter",
        )
    except HfHubHTTPError as error:
        raise _refused(repository, error, token) from None
    except (HTTPError, OSError) as error:
        reason = _without(token, f"{type(error).__name__}: {error}")
        raise PushError(
            f"{repository}: the hub cannot be reached ({reason}). Run this on a machine with network access."
        ) from None
    return str(commit.commit_url)


def _refused(repository: str, error: HfHubHTTPError, token: str) -> PushError:
    status = error.response.status_code
    said = f" Message of the hub: {error.server_message}" if error.server_message else ""
    advice = _ADVICE.get(status, "check the repository's page, or try again later")
    return PushError(_without(token, f"{repository}: the hub answers with HTTP {status}; {advice}.{said}"))


def _without(token: str, text: str) -> str:
    """Return a text from elsewhere with the token removed."""
    return text.replace(token, "[token]")


def main(arguments: Sequence[str] | None = None) -> None:
    """List the files and upload them; on a mistake, exit with one line that says what to do."""
    parser = argparse.ArgumentParser(
        prog="ilora push",
        description=__doc__.split(":")[0] + ".",
        epilog=example("push"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("adapter", type=Path, help="folder of a tuned adapter, .../adapter")
    parser.add_argument(
        "repository", metavar="ORGANISATION/NAME", help="repository on the hub; created if it does not exist"
    )
    parser.add_argument("--private", action="store_true", help="create a private repository")
    parser.add_argument("--dry-run", action="store_true", help="list the files without uploading them")
    named = parser.parse_args(arguments)
    if not _REPOSITORY.fullmatch(named.repository):
        parser.error(f"{named.repository}: expected ORGANISATION/NAME, such as my-organisation/ilora-movielens")
    try:
        files = finished_adapter(named.adapter)
        print(described(files, named.repository))
        if named.dry_run:
            print("Nothing was uploaded.")
            return
        token = os.environ.get(TOKEN_VARIABLE, "").strip()
        if not token:
            raise PushError(f"{TOKEN_VARIABLE} is not set in the environment: set it to a token with write access")
        print(f"Uploaded: {upload(named.adapter, files, named.repository, token, named.private)}")
    except (ArtifactError, FileNotFoundError, PushError) as error:
        sys.exit(f"ilora push: {error}")


if __name__ == "__main__":
    main()

"""The endpoint of a study's chat model."""

from __future__ import annotations

from collections.abc import Mapping

from ilora.configuration.checks import address_problem
from ilora.configuration.sections.chat import ChatSection
from ilora.configuration.validation import ConfigurationError

OPENAI_ADDRESS = "https://api.openai.com/v1"
ADDRESS_VARIABLE = "CHAT_BASE_URL"


def endpoint_address(chat: ChatSection, environment: Mapping[str, str]) -> str:
    """Return the address of the study's endpoint: from the configuration, else the environment, else OpenAI's.

    Args:
        chat: the study's section.
        environment: environment variables, usually `os.environ`.

    Raises:
        ConfigurationError: the value in the environment is not an address.
    """
    if chat.base_url is not None:
        return chat.base_url
    address = environment.get(ADDRESS_VARIABLE) or OPENAI_ADDRESS
    problems = list(address_problem(f"the environment variable {ADDRESS_VARIABLE}", address))
    if problems:
        raise ConfigurationError(problems)
    return address

"""From a study's `decoding` section to the settings of one method."""

from __future__ import annotations

from ilora.configuration.sections.decoding import DecodingSection
from ilora.configuration.validation import validate
from ilora.methods.register import LANGUAGE_MODEL_METHODS


def decoding_values(section: DecodingSection, method: str) -> DecodingSection:
    """Return the decoding settings of a method: the study's, with the method's own values applied over them.

    Raises:
        ConfigurationError: the method declares an unknown key or a wrong value.
    """
    values = {**section.model_dump(mode="json"), **LANGUAGE_MODEL_METHODS[method].decoding}
    return validate(DecodingSection, values, ("decoding",))

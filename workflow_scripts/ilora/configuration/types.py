"""Types of values that several sections of the configuration share, and patterns for text."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError

#: Value for an L2 that is selected on validation.
SEARCHED = "searched"

#: The variant of a run with the study's own settings.
DEFAULT_VARIANT = "default"

NAME, LABEL = r"^[a-z0-9_]+$", r"^[A-Za-z0-9._-]+$"
FOLDER, WORDS = r"^[^~{}\t\r\n]*[^~{}\s/]$", r"^[^<>\s]+( [^<>\s]+)*$"
TABLE, SEPARATOR = r"\.(csv|tsv|inter|item|dat|data|txt|parquet|json)$", r"""^[^\r\n"'\\]+$"""
#: Description of each pattern, for messages.
PATTERNS_IN_WORDS = {
    NAME: "a name of lower-case letters, digits and _",
    LABEL: "only letters, digits, points, _ and -",
    FOLDER: "a path without ~, braces or a slash at its end",
    TABLE: "a file that ends in .csv, .tsv, .inter, .item, .dat, .data, .txt, .parquet or .json",
    SEPARATOR: "one or more characters on one line, without quotes or backslashes",
    WORDS: "words separated by single spaces, without < and >",
}


#: Limits on names and paths. Paths add suffixes to names; file systems allow parts of 255 bytes.
LONGEST_NAME, LONGEST_PART_OF_PATH, LONGEST_PATH = 64, 255, 2000

#: An end that Snakemake mistakes for an infinite recursion with a growing wildcard.
_REPETITION = re.compile(r"(.+?)\1{19}$")


def ends_in_repetition(name: str) -> bool:
    """Return whether a name ends in the same characters repeated twenty times, which Snakemake refuses."""
    return _REPETITION.search(name) is not None


def _varied(name: str) -> str:
    if ends_in_repetition(name):
        raise PydanticCustomError("repetition", "a name that does not end in the same characters repeated twenty times")
    return name


def _usable_path(path: str) -> str:
    encoded = path.encode(errors="surrogatepass")
    longest = max(len(part) for part in encoded.split(b"/"))
    if longest > LONGEST_PART_OF_PATH or len(encoded) > LONGEST_PATH or b"\0" in encoded:
        expected = f"a path of at most {LONGEST_PATH} bytes, with at most {LONGEST_PART_OF_PATH} between slashes"
        raise PydanticCustomError("path", expected)
    return path


def _number_or_searched(value: object, validate: ValidatorFunctionWrapHandler) -> float | str:
    """Validate a number or `searched`, with one message for both."""
    try:
        checked: float | str = validate(value)
    except ValidationError:
        expected = f"a number of at least 0 and less than 1, or {SEARCHED}"
        raise PydanticCustomError("number_or_searched", expected) from None
    return checked


def _name_or_number(value: object, validate: ValidatorFunctionWrapHandler) -> str | int:
    """Validate the name or number of a column, with one message for both."""
    try:
        checked: str | int = validate(value)
    except ValidationError:
        raise PydanticCustomError("name_or_number", "the name of a column, or its number, from 1") from None
    return checked


Seed = Annotated[int, Field(ge=0, lt=2**31)]
Count = Annotated[int, Field(ge=1)]
Revision = Annotated[str, Field(pattern=LABEL)]
Rate = Annotated[float, Field(gt=0, le=1)]
Probability = Annotated[float, Field(ge=0, lt=1)]
Name = Annotated[str, Field(pattern=NAME, max_length=LONGEST_NAME), AfterValidator(_varied)]
DatasetName = Name
Text = Annotated[str, Field(min_length=1)]
PathText = Annotated[str, Field(min_length=1), AfterValidator(_usable_path)]
Folder = Annotated[str, Field(pattern=FOLDER), AfterValidator(_usable_path)]
TableFile = Annotated[str, Field(pattern=TABLE), AfterValidator(_usable_path)]
WeightDecay = Annotated[Probability | Literal["searched"], WrapValidator(_number_or_searched)]
Separator = Annotated[str, Field(pattern=SEPARATOR)]
Column = Annotated[Text | Count, WrapValidator(_name_or_number)]
Words = Annotated[str, Field(pattern=WORDS)]

"""Amounts of money in whole picodollars (10^-12 USD), so that sums are exact."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

PICODOLLARS = 10**12
_PER_MILLION = PICODOLLARS // 10**6


@dataclass(frozen=True)
class Prices:
    """A provider's prices per million tokens, in USD, of prompts and of answers."""

    input_usd_per_million: float
    output_usd_per_million: float

    def cost(self, prompt_tokens: int, answer_tokens: int) -> int:
        """Return the price of one request in picodollars."""
        return prompt_tokens * _per_token(self.input_usd_per_million) + answer_tokens * _per_token(
            self.output_usd_per_million
        )


def picodollars(usd: float) -> int:
    """Convert USD to picodollars, rounded down."""
    return int((Decimal(str(usd)) * PICODOLLARS).to_integral_value(ROUND_FLOOR))


def show_usd(amount: int) -> str:
    """Format picodollars for a message, such as "0.012345 USD", rounded up to a millionth."""
    usd = (Decimal(amount) / PICODOLLARS).quantize(Decimal("0.000001"), ROUND_CEILING)
    return f"{usd} USD"


def _per_token(usd_per_million: float) -> int:
    return int((Decimal(str(usd_per_million)) * _PER_MILLION).to_integral_value(ROUND_CEILING))

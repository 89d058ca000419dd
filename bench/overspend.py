"""More callers than there is money for, all at once: how much is spent beyond it?

    python bench/overspend.py                    # Faregate: stores, workers, kinds of calls
    python bench/overspend.py --url http://127.0.0.1:4000/v1 --key sk-... --model gpt-4o-mini \
        --budget 0.05 --price-input 0.15 --price-output 0.60

With --url the same burst goes to any gateway, and nothing of Faregate is needed: give its key a
budget there, and say here how much it is and what the model costs.
"""

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from burst import Address, Answered, Asked, Price, burst, refused
from unavailable import Unavailable

_COLUMNS = (
    "gateway", "calls", "attempted", "admitted", "settled", "used", "charged", "before", "after",
    "OVERSPEND", "slowest", "refused",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """What one burst came to; dollars, None where nobody can say."""

    gateway: str
    calls: str
    answers: list[Answered]
    settled: int | None
    used: Fraction
    charged: Fraction | None
    before: Fraction | None
    after: Fraction | None

    @property
    def overspend(self) -> Fraction | None:
        """What was used or charged beyond what there was before."""
        if self.before is None:
            return None
        return max(max(self.used, self.charged or Fraction(0)) - self.before, Fraction(0))

    def cells(self) -> tuple[str, ...]:
        """As the table shows it."""
        admitted = sum(one.admitted for one in self.answers)
        slowest = max(one.seconds for one in self.answers)
        money = (self.used, self.charged, self.before, self.after, self.overspend)
        return (
            self.gateway,
            self.calls,
            str(len(self.answers)),
            str(admitted),
            "?" if self.settled is None else str(self.settled),
            *map(_dollars, money),
            f"{slowest:.2f} s",
            refused(self.answers),
        )


def _dollars(amount: Fraction | None) -> str:
    if amount is None:
        return "?"
    return f"{Decimal(amount.numerator) / Decimal(amount.denominator):.9f}"


def table(rows: Sequence[Row]) -> str:
    """All rows, in columns."""
    cells = [_COLUMNS, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    padded = (
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    )
    return "\n".join(padded)


def used(answers: Sequence[Answered], prices: dict[str, Price]) -> Fraction:
    """Dollars of all that was answered, by the usage in the replies."""
    admitted = (one for one in answers if one.admitted)
    return sum((one.cost(prices[one.asked.model]) for one in admitted), Fraction(0))


def _rows_of_another(options: argparse.Namespace) -> Iterator[Row]:
    address = Address(options.url, options.key or os.environ.get("OPENAI_API_KEY", ""))
    price = Price(options.price_input, options.price_output, options.price_request)
    budget: Fraction | None = options.budget
    for at in range(options.bursts):
        streamed = bool(at % 2)
        asked = Asked(options.model, streamed, options.max_tokens)
        answers = burst(address, [asked] * options.callers)
        spent = used(answers, {options.model: price})
        silent = sum(one.admitted and one.output_tokens is None for one in answers)
        if silent:
            print(f"{silent} replies state no usage: what they used is not counted")
        left = None if budget is None else max(budget - spent, Fraction(0))
        kind = "streamed" if streamed else "whole"
        yield Row(options.name, kind, answers, None, spent, None, budget, left)
        budget = left


def _rows(options: argparse.Namespace) -> Iterator[Row]:
    if options.url:
        yield from _rows_of_another(options)
        return
    import overspend_faregate

    yield from overspend_faregate.rows(options.callers, options.calls)


def main() -> int:
    """Measure and print; 1 where anything was overspent, or nothing could be measured."""
    options = _arguments()
    rows: list[Row] = []
    try:
        with contextlib.closing(_rows(options)) as found:  # type: ignore[type-var]
            for row in found:
                rows.append(row)
                print(f"{row.gateway}, {row.calls}: done", file=sys.stderr)
    except Unavailable as unavailable:
        print(f"error: {unavailable}", file=sys.stderr)
        return 1
    print(table(rows))
    over = [row for row in rows if row.overspend]
    unknown = [row for row in rows if row.overspend is None]
    if unknown:
        print("\nWithout --budget nobody can say what is too much.")
    elif over:
        print(f"\nOverspent in {len(over)} of {len(rows)} bursts.")
    else:
        print(f"\nNothing was overspent in {len(rows)} bursts.")
    return 1 if over else 0


def _amount(text: str) -> Fraction:
    try:
        amount = Fraction(Decimal(text))
    except (InvalidOperation, ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount of dollars") from None
    if amount < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is below zero")
    return amount


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 10000")
    return int(text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--callers", type=_count, default=200, help="calls at once (200)")
    parser.add_argument("--calls", type=_count, default=40, help="that the wallet is for (40)")
    other = parser.add_argument_group("another gateway")
    other.add_argument("--url", help="its address, with /v1")
    other.add_argument("--name", default="gateway", help="what the table calls it")
    other.add_argument("--key", help="its key; else OPENAI_API_KEY")
    other.add_argument("--model", default="gpt-4o-mini", help="the model to ask for")
    other.add_argument("--max-tokens", type=_count, default=50, help="of each reply (50)")
    other.add_argument("--bursts", type=_count, default=2, help="whole and streamed in turn (2)")
    other.add_argument("--budget", type=_amount, help="dollars that the key may spend")
    zero = Fraction(0)
    other.add_argument("--price-input", type=_amount, default=zero, help="a million tokens")
    other.add_argument("--price-output", type=_amount, default=zero, help="a million tokens")
    other.add_argument("--price-request", type=_amount, default=zero, help="a call")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

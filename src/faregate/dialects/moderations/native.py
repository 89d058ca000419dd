"""Moderations, where bytes pass through.

OpenAI's cost nothing, and state no usage.

Source: OpenAI API reference, "Moderations".
"""

from typing import Final

from faregate.dialects.plain_native import PlainNative
from faregate.dialects.plain_usage import read_usage, read_usage_in_part

# Others than OpenAI, such as Mistral, do state what they counted.
NATIVE: Final = PlainNative(read_usage=read_usage, read_usage_in_part=read_usage_in_part)

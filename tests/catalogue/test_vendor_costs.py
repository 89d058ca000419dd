"""What calls cost by the vendors' price pages, to the nano-dollar.

Each figure was worked out by hand from the page and day that its case names; what stands behind it
is the sum, in millionths of a dollar. The prices come from the catalogue, so a case also fails
when an upgrade of it changes what was true on that day. Days on which pages were read at second
hand are those of who read them: genai-prices and LiteLLM.
"""

from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
import pytest
from tests.core.test_zones import utc_ns

from faregate.catalogue.facts import ModelFacts
from faregate.catalogue.library import Library
from faregate.configuration.completion import prices_of
from faregate.configuration.document import Document
from faregate.configuration.pricing import compile_prices
from faregate.dialects.usage import Usage

OPENAI = "developers.openai.com/api/docs/pricing, 2026-10-14"
OPENAI_BEFORE = "openai.com/api/pricing, 2024-10 to 2025-06"
ANTHROPIC = "platform.claude.com/docs/en/about-claude/pricing, 2026-10-14"
ANTHROPIC_BEFORE = "platform.claude.com/docs/en/about-claude/pricing, 2026-02"
GEMINI = "ai.google.dev/gemini-api/docs/pricing, 2026-10-14"
DEEPSEEK = "api-docs.deepseek.com/quick_start/pricing, 2026-10-27"
DEEPSEEK_BEFORE = "api-docs.deepseek.com/quick_start/pricing, 2025-03"
COHERE = "cohere.com/pricing, 2025-12"
VOYAGE = "docs.voyageai.com/docs/pricing, 2026-10"
GROQ = "groq.com/pricing and console.groq.com/docs/batch, 2026-10-14"
XAI = "docs.x.ai/docs/models, 2026-10"
PERPLEXITY = "docs.perplexity.ai, last rates of Sonar, 2026-10-19"
MISTRAL = "docs.mistral.ai/models, 2026-10"
STABILITY = "platform.stability.ai/pricing, 2025"
ELEVENLABS = "elevenlabs.io/pricing, 2026"
MOONSHOT = "platform.moonshot.ai/docs/pricing, 2026-10"

# It left OpenAI's page with the model; its prices are those of 2024-10.
DALL_E_3 = {
    "images": {
        "standard/1024x1024": "0.04",
        "standard/1024x1792": "0.08",
        "standard/1792x1024": "0.08",
        "hd/1024x1024": "0.08",
        "hd/1024x1792": "0.12",
        "hd/1792x1024": "0.12",
    }
}
USUAL = "2026-11-20T12:00"


class Case(NamedTuple):
    """A usage of a model at a moment, and its cost in dollars."""

    page: str
    vendor: str
    model: str
    usage: Usage
    dollars: str
    at: str = USUAL


def u(inputs: int = 0, outputs: int = 0, cached: int = 0, written: int = 0, **more: Any) -> Usage:
    return Usage(inputs, outputs, cached_input_tokens=cached, cache_write_tokens=written, **more)


CASES = [
    # 1,000 x 2.50 + 500 x 10 = 2,500 + 5,000
    Case(OPENAI, "openai", "gpt-4o", u(1_000, 500), "0.0075"),
    # 86 x 2.50 + 1,920 x 1.25 + 300 x 10 = 215 + 2,400 + 3,000
    Case(OPENAI, "openai", "gpt-4o", u(2_006, 300, 1_920), "0.005615"),
    # 0.15 + 0.60
    Case(OPENAI, "openai", "gpt-4o-mini", u(1, 1), "0.00000075"),
    # batch: 10,000 x 0.075 + 2,000 x 0.30 = 750 + 600
    Case(OPENAI, "openai", "gpt-4o-mini", u(10_000, 2_000, service_tier="batch"), "0.00135"),
    # priority: 600 x 4.25 + 400 x 2.125 + 100 x 17 = 2,550 + 850 + 1,700
    Case(OPENAI, "openai", "gpt-4o", u(1_000, 100, 400, service_tier="priority"), "0.0051"),
    # batch names no cached rate: 600 x 1 + 400 x 0.50 + 100 x 4 = 600 + 200 + 400
    Case(OPENAI, "openai", "gpt-4.1", u(1_000, 100, 400, service_tier="batch"), "0.0012"),
    # reasoning is output: 1,200 x 1.25 + 3,000 x 10 = 1,500 + 30,000
    Case(OPENAI, "openai", "gpt-5", u(1_200, 3_000, reasoning_tokens=2_560), "0.0315"),
    # flex: 2,000 x 0.625 + 8,000 x 0.0625 + 1,000 x 5 = 1,250 + 500 + 5,000
    Case(OPENAI, "openai", "gpt-5", u(10_000, 1_000, 8_000, service_tier="flex"), "0.00675"),
    # priority: 1,000 x 0.45 + 1,000 x 3.60 = 450 + 3,600
    Case(OPENAI, "openai", "gpt-5-mini", u(1_000, 1_000, service_tier="priority"), "0.00405"),
    # short: 272,000 x 2.50 + 1,000 x 15 = 680,000 + 15,000
    Case(OPENAI, "openai", "gpt-5.4", u(272_000, 1_000), "0.695"),
    # long: 272,001 x 5 + 1,000 x 22.50 = 1,360,005 + 22,500
    Case(OPENAI, "openai", "gpt-5.4", u(272_001, 1_000), "1.382505"),
    # long, batch: 200,000 x 2.50 + 100,000 x 0.25 + 2,000 x 11.25 = 500,000 + 25,000 + 22,500
    Case(OPENAI, "openai", "gpt-5.4", u(300_000, 2_000, 100_000, service_tier="batch"), "0.5475"),
    # flex publishes 0.13 for what would be 0.125: 1,000 x 0.13
    Case(OPENAI, "openai", "gpt-5.4", u(1_000, 0, 1_000, service_tier="flex"), "0.00013"),
    # 1,000 x 4 + 6,000 x 0.40 + 3,000 x 5 + 500 x 20 = 4,000 + 2,400 + 15,000 + 10,000
    Case(OPENAI, "openai", "gpt-5.6-sol", u(10_000, 500, 6_000, 3_000), "0.0314"),
    # before its price fell: 1,000 x 5 + 6,000 x 0.50 + 3,000 x 6.25 + 500 x 30
    # = 5,000 + 3,000 + 18,750 + 15,000
    Case(
        OPENAI,
        "openai",
        "gpt-5.6-sol",
        u(10_000, 500, 6_000, 3_000),
        "0.04175",
        "2026-08-20T23:59",
    ),
    # 1,000 x 2 + 500 x 8 = 6,000; two searches at 10 dollars a thousand = 20,000
    Case(OPENAI, "openai", "o3", u(1_000, 500, web_searches=2), "0.026"),
    # before 2025-06-10: 1,000 x 10 + 500 x 40 = 10,000 + 20,000
    Case(OPENAI_BEFORE, "openai", "o3", u(1_000, 500), "0.03", "2025-06-09T12:00"),
    # 100 x 2 + 100 x 8 = 1,000; three file searches at 2.50 a thousand = 7,500
    Case(OPENAI, "openai", "gpt-4.1", u(100, 100, tool_calls=3), "0.0085"),
    # 100 x 2.50 + 900 x 32 + 500 x 10 + 1,500 x 64 = 250 + 28,800 + 5,000 + 96,000
    Case(
        OPENAI,
        "openai",
        "gpt-audio",
        u(1_000, 2_000, audio_input_tokens=900, audio_output_tokens=1_500),
        "0.13005",
    ),
    # 1,000 x 0.40 + 2,500 x 32 + 500 x 4 + 700 x 64 + 100 x 16
    # = 400 + 80,000 + 2,000 + 44,800 + 1,600
    Case(
        OPENAI,
        "openai",
        "gpt-realtime",
        u(4_000, 800, 1_000, audio_input_tokens=2_500, audio_output_tokens=700),
        "0.1288",
    ),
    # 50 x 5 + 1,000 x 8 + 4,160 x 32 = 250 + 8,000 + 133,120
    Case(
        OPENAI,
        "openai",
        "gpt-image-1.5",
        u(1_050, 4_160, image_input_tokens=1_000, image_output_tokens=4_160),
        "0.14137",
    ),
    # the same in a batch: 125 + 4,000 + 66,560
    Case(
        OPENAI,
        "openai",
        "gpt-image-1.5",
        u(
            1_050,
            4_160,
            image_input_tokens=1_000,
            image_output_tokens=4_160,
            service_tier="batch",
        ),
        "0.070685",
    ),
    # 1,234,567 x 0.02 = 24,691.34
    Case(OPENAI, "openai", "text-embedding-3-small", u(1_234_567), "0.02469134"),
    # 7 x 0.13 = 0.91
    Case(OPENAI, "openai", "text-embedding-3-large", u(7), "0.00000091"),
    # 4,096 characters x 30
    Case(OPENAI, "openai", "tts-1-hd", u(characters=4_096), "0.12288"),
    Case(OPENAI, "openai", "tts-1", u(characters=1), "0.000015"),
    # 61 seconds at 0.006 a minute: 61 x 100
    Case(OPENAI, "openai", "whisper-1", u(audio_input_ms=61_000), "0.0061"),
    # a thousandth of a second: 0.1
    Case(OPENAI, "openai", "whisper-1", u(audio_input_ms=1), "0.0000001"),
    # 90 seconds at 0.0045 a minute: 90 x 75
    Case(OPENAI, "openai", "gpt-transcribe", u(audio_input_ms=90_000), "0.00675"),
    # 1,000 x 6 + 200 x 10
    Case(OPENAI, "openai", "gpt-4o-transcribe", u(1_000, 200, audio_input_tokens=1_000), "0.008"),
    # 1,000 x 3 + 6,000 x 0.30 + 3,000 x 3.75 + 500 x 15 = 3,000 + 1,800 + 11,250 + 7,500
    Case(ANTHROPIC, "anthropic", "claude-sonnet-4-5", u(10_000, 500, 6_000, 3_000), "0.02355"),
    # 2,000 x 5 + 10,000 x 0.50 + 3,000 x 6.25 + 5,000 x 10 + 1,000 x 25
    # = 10,000 + 5,000 + 18,750 + 50,000 + 25,000
    Case(
        ANTHROPIC,
        "anthropic",
        "claude-opus-4-8",
        u(20_000, 1_000, 10_000, 8_000, cache_write_1h_tokens=5_000),
        "0.10875",
    ),
    # the same in a batch, half of it
    Case(
        ANTHROPIC,
        "anthropic",
        "claude-opus-4-8",
        u(20_000, 1_000, 10_000, 8_000, cache_write_1h_tokens=5_000, service_tier="batch"),
        "0.054375",
    ),
    # fast: 1,000 x 10 + 1,000 x 50
    Case(ANTHROPIC, "anthropic", "claude-opus-4-8", u(1_000, 1_000, service_tier="fast"), "0.06"),
    # 1,500 x 1 + 300 x 5 = 3,000; three searches at 10 dollars a thousand = 30,000
    Case(ANTHROPIC, "anthropic", "claude-haiku-4-5", u(1_500, 300, web_searches=3), "0.033"),
    # in a batch tokens cost half, a search does not: 500 + 2,500 + 10,000
    Case(
        ANTHROPIC,
        "anthropic",
        "claude-haiku-4-5-20251001",
        u(1_000, 1_000, web_searches=1, service_tier="batch"),
        "0.013",
    ),
    # above 200,000: 200,001 x 6 + 1,000 x 22.50 = 1,200,006 + 22,500
    Case(ANTHROPIC, "anthropic", "claude-sonnet-4-5", u(200_001, 1_000), "1.222506"),
    # 300,000 x 10 + 1,000 x 37.50 while long inputs cost more
    Case(
        ANTHROPIC_BEFORE,
        "anthropic",
        "claude-opus-4-6",
        u(300_000, 1_000),
        "3.0375",
        "2026-03-12T23:59",
    ),
    # 300,000 x 5 + 1,000 x 25 since they don't
    Case(
        ANTHROPIC,
        "anthropic",
        "claude-opus-4-6",
        u(300_000, 1_000),
        "1.525",
        "2026-03-13T00:00",
    ),
    # 10,000 x 10 + 90,000 x 0.25 + 2,000 x 50 = 100,000 + 22,500 + 100,000
    Case(ANTHROPIC, "anthropic", "claude-fable-5-1", u(100_000, 2_000, 90_000), "0.2225"),
    # above 100,000: 100,001 x 0.50 + 10 x 2.50 = 50,000.5 + 25
    Case(ANTHROPIC, "anthropic", "claude-haiku-5-5", u(100_001, 10), "0.0500255"),
    # 200,000 x 1.25 + 1,000 x 10 = 250,000 + 10,000
    Case(GEMINI, "gemini", "gemini-2.5-pro", u(200_000, 1_000), "0.26"),
    # 200,001 x 2.50 + 1,000 x 15 = 500,002.5 + 15,000
    Case(GEMINI, "gemini", "gemini-2.5-pro", u(200_001, 1_000), "0.5150025"),
    # long, batch; the cache stays as it is: 200,000 x 1.25 + 100,000 x 0.25 + 1,000 x 7.50
    # = 250,000 + 25,000 + 7,500
    Case(
        GEMINI,
        "gemini",
        "gemini-2.5-pro",
        u(300_000, 1_000, 100_000, service_tier="batch"),
        "0.2825",
    ),
    # 200 x 0.30 + 4,800 x 1 + 100 x 2.50 = 60 + 4,800 + 250
    Case(
        GEMINI,
        "gemini",
        "gemini-2.5-flash",
        u(5_000, 100, audio_input_tokens=4_800, reasoning_tokens=60),
        "0.00511",
    ),
    # 20 x 0.30 + 1,290 x 30 = 6 + 38,700
    Case(
        GEMINI,
        "gemini",
        "gemini-2.5-flash-image",
        u(20, 1_290, image_output_tokens=1_290),
        "0.038706",
    ),
    # 1,000 x 0.30 + 200 x 2.50 = 800; a grounded prompt at 35 dollars a thousand = 35,000
    Case(GEMINI, "gemini", "gemini-2.5-flash", u(1_000, 200, web_searches=1), "0.0358"),
    # 2,048 x 0.15 = 307.2
    Case(GEMINI, "gemini", "gemini-embedding-001", u(2_048), "0.0003072"),
    # by day: 2,000 x 0.27 + 8,000 x 0.07 + 1,000 x 1.10 = 540 + 560 + 1,100
    Case(
        DEEPSEEK_BEFORE,
        "deepseek",
        "deepseek-chat",
        u(10_000, 1_000, 8_000),
        "0.0022",
        "2025-03-03T12:00",
    ),
    # by night half of it
    Case(
        DEEPSEEK_BEFORE,
        "deepseek",
        "deepseek-chat",
        u(10_000, 1_000, 8_000),
        "0.0011",
        "2025-03-03T17:00",
    ),
    # by night 2,000 x 0.135 + 8,000 x 0.035 + 1,000 x 0.55 = 270 + 280 + 550
    Case(
        DEEPSEEK_BEFORE,
        "deepseek",
        "deepseek-reasoner",
        u(10_000, 1_000, 8_000),
        "0.0011",
        "2025-03-04T00:29:59",
    ),
    # from 00:30: 2,000 x 0.55 + 8,000 x 0.14 + 1,000 x 2.19 = 1,100 + 1,120 + 2,190
    Case(
        DEEPSEEK_BEFORE,
        "deepseek",
        "deepseek-reasoner",
        u(10_000, 1_000, 8_000),
        "0.00441",
        "2025-03-04T00:30",
    ),
    # at a weekday's peak: 2,000 x 0.30 + 8,000 x 0.006 + 1,000 x 1.20 = 600 + 48 + 1,200
    Case(
        DEEPSEEK,
        "deepseek",
        "deepseek-flash",
        u(10_000, 1_000, 8_000),
        "0.001848",
        "2026-11-23T02:00",
    ),
    # on a Sunday half of it
    Case(
        DEEPSEEK,
        "deepseek",
        "deepseek-flash",
        u(10_000, 1_000, 8_000),
        "0.000924",
        "2026-11-22T02:00",
    ),
    # 2,000 x 1.32 + 8,000 x 0.044 + 1,000 x 3.96 = 2,640 + 352 + 3,960
    Case(
        DEEPSEEK,
        "deepseek",
        "deepseek-v4-pro",
        u(10_000, 1_000, 8_000),
        "0.006952",
        "2026-11-23T09:59:59",
    ),
    # three searches at 2 dollars a thousand
    Case(COHERE, "cohere", "rerank-v3.5", u(search_units=3), "0.006"),
    Case(COHERE, "cohere", "rerank-v4.0-pro", u(search_units=1), "0.0025"),
    Case(COHERE, "cohere", "embed-v4.0", u(1_000_000), "0.12"),
    # 1,001 x 0.06 = 60.06
    Case(VOYAGE, "voyage", "voyage-3.5", u(1_001), "0.00006006"),
    # 12,345 x 0.05 = 617.25
    Case(VOYAGE, "voyage", "rerank-2.5", u(12_345), "0.00061725"),
    # 10 seconds at 0.04 an hour: 111.111..., rounded to the nano-dollar
    Case(GROQ, "groq", "whisper-large-v3-turbo", u(audio_input_ms=10_000), "0.000111111"),
    # an hour in a batch
    Case(
        GROQ,
        "groq",
        "whisper-large-v3-turbo",
        u(audio_input_ms=3_600_000, service_tier="batch"),
        "0.02",
    ),
    # cached and batch discounts don't add up: 500 x 0.075 + 500 x 0.075 + 100 x 0.30
    # = 37.5 + 37.5 + 30
    Case(
        GROQ,
        "groq",
        "openai/gpt-oss-120b",
        u(1_000, 100, 500, service_tier="batch"),
        "0.000105",
    ),
    # 1,000 characters x 22
    Case(GROQ, "groq", "canopylabs/orpheus-v1-english", u(characters=1_000), "0.022"),
    # from 200,000 on: 200,000 x 2.50 + 100 x 5 = 500,000 + 500
    Case(XAI, "xai", "grok-4.3", u(200_000, 100), "0.5005"),
    # 100 x 3 + 200 x 15 = 3,300; a request at 14 dollars a thousand = 14,000
    Case(PERPLEXITY, "perplexity", "sonar-pro", u(100, 200), "0.0173"),
    # 1,000 x 0.50 + 1,000 x 1.50
    Case(MISTRAL, "mistral", "mistral-large-latest", u(1_000, 1_000), "0.002"),
    # 30 seconds at 0.003 a minute: 30 x 50
    Case(MISTRAL, "mistral", "voxtral-mini-2602", u(audio_input_ms=30_000), "0.0015"),
    # two images of 8 credits of a cent
    Case(STABILITY, "stability", "stable-image-ultra", u(images=2), "0.16"),
    # 4,920 seconds at 0.22 an hour: 1,082.4 / 3,600 = 0.3006666...
    Case(ELEVENLABS, "elevenlabs", "scribe_v1", u(audio_input_ms=4_920_000), "0.300666667"),
    # 1,000 x 0.95 + 9,000 x 0.16 + 500 x 4 = 950 + 1,440 + 2,000
    Case(MOONSHOT, "moonshot", "kimi-k2.6", u(10_000, 500, 9_000), "0.00439"),
    Case(
        OPENAI_BEFORE,
        "",
        "dall-e-3",
        u(images=2, image_variant="hd/1024x1792"),
        "0.24",
    ),
    Case(
        OPENAI_BEFORE,
        "",
        "dall-e-3",
        u(images=1, image_variant="standard/1024x1024"),
        "0.04",
    ),
    # of what size isn't known: the dearest
    Case(OPENAI_BEFORE, "", "dall-e-3", u(images=1), "0.12"),
]
LIBRARY = Library(
    [ModelFacts(vendor="", model="dall-e-3", prices=(DALL_E_3,), sources=(OPENAI_BEFORE,))]
)


def cost(case: Case) -> Decimal:
    facts = LIBRARY.find(case.vendor, case.model)
    assert facts is not None, case
    document = Document(prices=prices_of("m", facts))
    tariff = compile_prices(document).fare("m", None, utc_ns(case.at)).cost
    assert tariff is not None, case
    nano = tariff.price(case.usage)
    tokens = case.usage.input_tokens or 0, case.usage.output_tokens or 0
    assert nano <= tariff.bound(*tokens, case.usage)
    return Decimal(nano) / 10**9


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.model}-{case.dollars}")
def test_the_page_says_so(case: Case) -> None:
    assert cost(case) == Decimal(case.dollars)


def test_every_kind_of_usage_is_among_them() -> None:
    assert len(CASES) >= 50
    kinds = {
        name
        for case in CASES
        for name, value in msgspec.structs.asdict(case.usage).items()
        if value
    }
    assert kinds == set(Usage.__struct_fields__) - {"video_input_tokens"}

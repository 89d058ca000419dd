"""Masking: takes secrets and personal data out of bodies to be kept.

Strategy
  Works on bytes, without parsing: a body may be JSON, an event stream, cut short, or broken.
  First the values of JSON members with telling names, at any depth of quoting (the arguments of
  a tool call are JSON inside a JSON string); then patterns of keys, tokens, addresses and
  numbers. Numbers must also satisfy their own check: Luhn's for cards (ISO/IEC 7812-1), the
  country's length and modulo 97 for IBANs (ISO 13616). What is found becomes a word in brackets
  that no pattern matches; everything else stays byte for byte.

Theory
  Linear in time whatever the body: a pattern begins at a literal or at the edge of a run of its
  own characters, and its quantifiers are bounded or possessive. An edge may be a JSON escape:
  the "n" of "\\n" is no part of the word after it.

Warning
  A secret that is split over several events of a stream, or written in another encoding, is not
  seen. A bare JSON number that looks like a card becomes a word: that body is no longer JSON.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

_Span = tuple[int, int]
_Find = tuple[int, int, bytes]  # from, to, and the word for it
_Judge = Callable[[bytes, re.Match[bytes]], _Span | None]

# An edge before a key: no letter or digit, or the end of a JSON escape.
_EDGE: Final = rb"(?:(?<![A-Za-z0-9])|(?<=\\[nrtbf])|(?<=\\u[0-9A-Fa-f]{4}))"

# What must be in a body for a pattern to be tried, and the pattern.
_KEYS: Final = tuple(
    (literals, re.compile(pattern))
    for literals, pattern in (
        ((b"fg_", b"fgo_"), rb"fgo?_[0-9A-Za-z]{20,}+"),
        ((b"fga_",), rb"fga_[0-9A-Za-z_-]{20,}+"),
        ((b"sk-",), _EDGE + rb"sk-[A-Za-z0-9_-]{16,}+"),  # OpenAI, Anthropic, OpenRouter, ...
        ((b"_live_", b"_test_"), _EDGE + rb"[prsw][kh][a-z]{0,4}_(?:live|test)_[A-Za-z0-9]{10,}+"),
        ((b"AKIA", b"ASIA"), _EDGE + rb"A[KS]IA[0-9A-Z]{16}"),
        ((b"AIza",), rb"AIza[0-9A-Za-z_-]{30,}+"),
        ((b"gho_", b"ghp_", b"ghs_", b"ghu_", b"ghr_"), _EDGE + rb"gh[opsur]_[A-Za-z0-9]{20,}+"),
        ((b"github_pat_",), rb"github_pat_[A-Za-z0-9_]{20,}+"),
        ((b"glpat-",), rb"glpat-[A-Za-z0-9_-]{16,}+"),
        ((b"xox",), _EDGE + rb"xox[a-z]-[A-Za-z0-9-]{10,}+"),
        ((b"hf_",), _EDGE + rb"hf_[A-Za-z0-9]{20,}+"),
        ((b"gsk_",), _EDGE + rb"gsk_[A-Za-z0-9]{20,}+"),
        ((b"xai-",), _EDGE + rb"xai-[A-Za-z0-9_-]{20,}+"),
        ((b"r8_",), _EDGE + rb"r8_[A-Za-z0-9]{20,}+"),
        ((b"pplx-",), _EDGE + rb"pplx-[A-Za-z0-9]{20,}+"),
        ((b"nvapi-",), _EDGE + rb"nvapi-[A-Za-z0-9_-]{20,}+"),
        ((b"npm_",), _EDGE + rb"npm_[A-Za-z0-9]{30,}+"),
        ((b"SG.",), _EDGE + rb"SG\.[A-Za-z0-9_-]{16,64}+\.[A-Za-z0-9_-]{16,64}+"),
        (
            (b"PRIVATE KEY-----",),
            rb"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----"
            rb"(?:[A-Za-z0-9+/=:, \r\n\t-]++|\\++[nr])*+",
        ),
    )
)
_JSON_WEB_TOKEN: Final = re.compile(
    rb"(?:(?<![A-Za-z0-9_-])|(?<=\\[nrtbf])|(?<=\\u[0-9A-Fa-f]{4}))"
    rb"eyJ[A-Za-z0-9_-]{5,}+\.[A-Za-z0-9_-]{5,}+(?:\.[A-Za-z0-9_-]*+)?"
)
_BEARER: Final = re.compile(
    rb"(?:[Bb]earer|BEARER)[ \t]{1,8}+(?P<token>[A-Za-z0-9._~+/=-]{8,}+)",
)
_PLAIN_WORD_BYTES: Final = 24  # no longer word is met in prose
_AFTER_AT: Final = re.compile(
    rb"@(?:[A-Za-z0-9\x80-\xff-]{1,63}\.){1,8}[A-Za-z\x80-\xff]{2,24}",
)
_LOCAL_PART: Final = (
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.!#$%&'*+=?^_`{|}~-"
    + bytes(range(0x80, 0x100))
)
_LOCAL_PART_BYTES_MAX: Final = 64  # RFC 5321 §4.5.3.1.1
# E.164: at most 15 digits; the country code never begins with 0.
_PHONE: Final = re.compile(rb"\+[1-9](?:[ .()/-]{0,2}[0-9]){6,14}+(?![0-9])")
_DIGITS: Final = re.compile(rb"[0-9](?:[ -]?[0-9]){12,}+")
_GROUP: Final = re.compile(rb"[0-9]++")
_CARD_DIGITS_MIN: Final = 13
_CARD_DIGITS_MAX: Final = 19
_IBAN: Final = re.compile(rb"[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]){11,30}+")
# Countries by the length of their IBANs.
_IBAN_COUNTRIES: Final = {
    15: b"NO", 16: b"BE", 18: b"DK FI FK FO GL NL SD", 19: b"MK SI",
    20: b"AT BA EE KZ LT LU MN XK", 21: b"CH HR LI LV",
    22: b"BG BH CR DE GB GE IE ME RS VA", 23: b"AE GI IL IQ OM SO TL",
    24: b"AD CZ ES MD PK RO SA SE SK TN VG", 25: b"LY PT ST", 26: b"IS TR",
    27: b"BI DJ FR GR IT MC MR SM", 28: b"AL AZ BY CY DO EG GT HU LB NI PL SV",
    29: b"BR PS QA UA", 30: b"JO KW MU YE", 31: b"MT SC", 32: b"LC", 33: b"RU",
}  # fmt: skip
_IBAN_LENGTHS: Final = {
    country: length
    for length, countries in _IBAN_COUNTRIES.items()
    for country in countries.split()
}

# -- members with telling names ------------------------------------------------------------------

_NAME_ENDS: Final = (
    b"password", b"passwd", b"passphrase", b"passcode", b"pwd", b"secret", b"token",
    b"api_key", b"api-key", b"apikey", b"private_key", b"private-key", b"privatekey",
    b"access_key", b"access-key", b"accesskey", b"secret_key", b"secret-key", b"secretkey",
    b"authorization", b"credential", b"credentials",
)  # fmt: skip
_NAME_BYTES_MAX: Final = 32  # of the end of a name that is looked at, escapes of its quote included
_MEMBER: Final = re.compile(rb'"[ \t\r\n]{0,64}+:[ \t\r\n]{0,64}+')
_VALUE: Final = re.compile(rb'(?P<escapes>\\*+)"|(?P<number>-?[0-9][0-9.eE+-]*+)')
_VALUE_WORD: Final = b"[masked value]"
_BACKSLASH: Final = ord("\\")


def mask(data: bytes) -> bytes:
    """`data` without secrets and personal data; else the same bytes."""
    data = _replace(data, _named_values(data))
    for literals, pattern in _KEYS:
        if any(literal in data for literal in literals):
            data = pattern.sub(b"[masked key]", data)
    if b"eyJ" in data:
        data = _JSON_WEB_TOKEN.sub(b"[masked token]", data)
    if b"earer" in data or b"BEARER" in data:
        data = _replace(data, _found(data, _BEARER, _bearer, b"[masked token]"))
    if b"@" in data:
        data = _replace(data, _found(data, _AFTER_AT, _email, b"[masked e-mail]"))
    data = _replace(data, _found(data, _IBAN, _iban, b"[masked IBAN]"))
    if b"+" in data:
        data = _replace(data, _found(data, _PHONE, _phone, b"[masked phone]"))
    return _replace(data, _cards(data))


def _replace(data: bytes, finds: Iterator[_Find]) -> bytes:
    """Put each word into its place; places come in order and don't overlap."""
    pieces: list[bytes] = []
    kept = 0
    for begin, end, word in finds:
        pieces += (data[kept:begin], word)
        kept = end
    return b"".join((*pieces, data[kept:])) if pieces else data


def _found(data: bytes, pattern: re.Pattern[bytes], judge: _Judge, word: bytes) -> Iterator[_Find]:
    """`word` for each match that `judge` takes; the search goes on behind it."""
    at = 0
    while match := pattern.search(data, at):
        span = judge(data, match)
        if span is not None:
            yield (*span, word)
            at = span[1]
        else:
            # What was refused may hold another: the one pattern of which that is true is bounded.
            at = match.start() + 2 if pattern is _IBAN else match.end()


# -- edges ---------------------------------------------------------------------------------------


def _escape_end(data: bytes, at: int) -> int:
    """Where the JSON escape that holds or touches `at` ends; `at` where there is none."""
    escape = data.rfind(b"\\", max(0, at - 6), at)
    if escape < 0:
        return at
    letter = data[escape + 1 : escape + 2]
    if letter == b"u":
        return max(at, escape + 6)
    return max(at, escape + 2) if letter in (b"n", b"r", b"t", b"b", b"f") else at


def _begins_word(data: bytes, at: int) -> bool:
    """Whether the byte before `at` belongs to no word or number, or to a JSON escape."""
    if at == 0:
        return True
    before = data[at - 1 : at]
    if not before.isalnum() and before not in (b"_", b"."):
        return True
    if before == b".":
        return not data[at - 2 : at - 1].isdigit()
    escape = data.rfind(b"\\", max(0, at - 6), at)
    return escape >= 0 and _escape_end(data, escape + 1) == at


def _ends_word(data: bytes, at: int) -> bool:
    after = data[at : at + 1]
    return not after.isalnum() and after != b"_"


# -- what a match must be ------------------------------------------------------------------------


def _bearer(data: bytes, match: re.Match[bytes]) -> _Span | None:
    """Anything but a short plain word: "bearer documents" is no secret."""
    token = match["token"]
    word = token.strip(b".-/")
    plain = word.isalpha() and (word.islower() or word.istitle() or word.isupper())
    return None if plain and len(word) < _PLAIN_WORD_BYTES else match.span("token")


def _email(data: bytes, match: re.Match[bytes]) -> _Span | None:
    at = match.start()
    before = data[max(0, at - _LOCAL_PART_BYTES_MAX) : at]
    begin = at - len(before) + len(before.rstrip(_LOCAL_PART))
    if begin > 0 and data[begin - 1] == _BACKSLASH:
        begin = _escape_end(data, begin)
    return (begin, match.end()) if begin < at else None


def _phone(data: bytes, match: re.Match[bytes]) -> _Span | None:
    return match.span() if _begins_word(data, match.start()) else None


def _iban(data: bytes, match: re.Match[bytes]) -> _Span | None:
    begin = match.start()
    length = _IBAN_LENGTHS.get(data[begin : begin + 2])
    if length is None or not _begins_word(data, begin):
        return None
    compact = bytearray()
    for at in range(begin, match.end()):
        if data[at] not in b" -":
            compact.append(data[at])
        if len(compact) == length:
            number = int("".join(str(int(chr(c), 36)) for c in compact[4:] + compact[:4]))
            return (begin, at + 1) if number % 97 == 1 and _ends_word(data, at + 1) else None
    return None


def _cards(data: bytes) -> Iterator[_Find]:
    """Rows of whole groups of digits that make a card number."""
    for run in _DIGITS.finditer(data):
        begin = _escape_end(data, run.start())
        groups = [group.span() for group in _GROUP.finditer(data, begin, run.end())]
        if not _begins_word(data, begin):
            groups = groups[1:]
        if groups and not _ends_word(data, run.end()):
            groups.pop()
        first = 0
        while first < len(groups):
            count = _card_groups(data, groups, first)
            if count:
                yield groups[first][0], groups[first + count - 1][1], b"[masked card]"
            first += count or 1


def _card_groups(data: bytes, groups: list[_Span], first: int) -> int:
    """How many groups from `first` on make a card number; 0 where none do."""
    if data[groups[first][0]] not in b"23456":
        return 0
    digits = b""
    for count, (begin, end) in enumerate(groups[first : first + _CARD_DIGITS_MAX], 1):
        digits += data[begin:end]
        if len(digits) > _CARD_DIGITS_MAX:
            return 0
        if len(digits) >= _CARD_DIGITS_MIN and _satisfies_luhn(digits):
            return count
    return 0


def _satisfies_luhn(digits: bytes) -> bool:
    values = [digit - 0x30 for digit in reversed(digits)]
    doubled = (2 * value - 9 if value > 4 else 2 * value for value in values[1::2])
    return (sum(values[0::2]) + sum(doubled)) % 10 == 0


# -- members -------------------------------------------------------------------------------------


def _named_values(data: bytes) -> Iterator[_Find]:
    at = 0
    while member := _MEMBER.search(data, at):
        at = member.end()
        quote = member.start()
        before = data[max(0, quote - _NAME_BYTES_MAX) : quote]
        name = before.rstrip(b"\\")
        if not name.lower().endswith(_NAME_ENDS):
            continue
        value = _VALUE.match(data, at)
        if value is None:
            continue
        if value["number"]:
            # A number becomes a string, in quotes of the same depth as its name's.
            mark = before[len(name) :] + b'"'
            yield value.start(), value.end(), mark + _VALUE_WORD + mark
            at = value.end()
        else:
            begin = value.end()
            end = _string_end(data, begin, len(value["escapes"]))
            if end > begin:
                yield begin, end, _VALUE_WORD
            at = end


def _string_end(data: bytes, begin: int, escapes: int) -> int:
    """Where a string ends whose quotes bear `escapes` backslashes; the end where it is cut.

    One level of quoting doubles each backslash and adds one before a quote. So a quote with
    `count` of them closes when `count - escapes` is a whole number of backslashes of the value,
    each of them written twice, at that level; fewer than `escapes` close the string around it.
    """
    at = begin
    while (quote := data.find(b'"', at)) >= 0:
        count = 0
        while quote - count > begin and data[quote - count - 1] == _BACKSLASH:
            count += 1
        if count < escapes:
            return quote - count
        if (count - escapes) % (2 * (escapes + 1)) == 0:
            return quote - escapes
        at = quote + 1
    return len(data)

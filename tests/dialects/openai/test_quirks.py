"""Each quirk has a name of its own and says what it is."""

from faregate.dialects.openai import quirks


def test_each_name_is_explained():
    names = {value for name, value in vars(quirks).items() if name.isupper() and name != "QUIRKS"}
    assert names == set(quirks.QUIRKS)
    assert all(len(text) > 20 for text in quirks.QUIRKS.values())

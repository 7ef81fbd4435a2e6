"""Text from outside, such as a class's name, a path or an error's message, made safe to show."""

import unicodedata

_LONGEST = 4000
_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")  # control, format, surrogate, private, unassigned, separators


def visible(text: str, longest: int = _LONGEST) -> str:
    """The text with its control characters spelled out, and its middle left out where it is too long.

    Line breaks and tabs stay. What a terminal takes for an order, what XML cannot hold, and what turns the direction of
    writing does not.
    """
    if len(text) > longest:
        text = f"{text[: longest // 2]} [{len(text) - longest:,} characters left out] {text[-(longest // 2) :]}"
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_shown, text))


def _shown(character: str) -> str:
    if character in "\n\t" or unicodedata.category(character) not in _UNSEEN:
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

"""No secret in any file of a run folder.

Two nets: whatever looks like a credential (``user:password@`` in a URL, an Authorization header, a
field called password, the AuthorizationKey of OCPP), and the secrets that the run itself knows.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Any

MASK = "***"
_SHORTEST = 4
_SECRET_FIELD = re.compile(
    r"(pass(word|wd|phrase)s?|pwd|secrets?|authorization_?key|authorization|api[_-]?key|"
    r"(access|refresh|bearer|auth)[_-]?token|basicauth\w*|private_?key|cookie)",
    re.IGNORECASE,
)
# A reference says where a secret lies, and is worth keeping: { env = "NAME" } or { file = "..." }.
_REFERENCE = frozenset({"env", "file"})
_NAMES = (
    r"(?:pass(?:word|wd|phrase)|pwd|secret|authorization_?key|api[_-]?key|"
    r"(?:access|refresh|bearer|auth)[_-]?token)"
)
_OCPP_KEYS = r"(?:AuthorizationKey|BasicAuthPassword)"


def _pattern(expression: str, replacement: str) -> tuple[re.Pattern[str], str]:
    return re.compile(expression, re.IGNORECASE), replacement


def _in_json(quote: str, body: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Secrets in JSON text; ``quote`` and ``body`` of its strings, for JSON within JSON escaped."""
    name, colon = f"{quote}{_NAMES}{quote}", rf"\s*:\s*{quote}"
    key = rf"{quote}key{quote}{colon}{_OCPP_KEYS}{quote}"
    return (
        _pattern(rf"({name}{colon}){body}", rf"\1{MASK}"),
        _pattern(rf"({key}\s*,[^{{}}]*?{quote}value{quote}{colon}){body}", rf"\1{MASK}"),
        _pattern(rf"({quote}value{quote}{colon}){body}({quote}\s*,[^{{}}]*?{key})", rf"\1{MASK}\2"),
    )


_PATTERNS = (
    _pattern(r"(\b[a-z][a-z0-9+.-]*://)[^\s/@\"'<>]+@", rf"\1{MASK}@"),
    _pattern(
        r"(authorization[\"']?\s*[:=,]\s*[\"']?(?:basic|bearer|digest)\s+)[^\s\"',;]+", rf"\1{MASK}"
    ),
    _pattern(r"(\b(?:basic|bearer)\s+)[A-Za-z0-9+/_=.~-]{16,}", rf"\1{MASK}"),
    _pattern(rf"([?&](?:{_NAMES}|token)=)[^\s&#\"'<>]+", rf"\1{MASK}"),
    _pattern(rf"(\b{_NAMES}\s*=\s*)(?![\s{{])[^\s&#\"'<>,;]+", rf"\1{MASK}"),
    *_in_json(r"\"", r"(?:[^\"\\]|\\.)+"),
    *_in_json(r"\\\"", r"(?:[^\"\\]|\\\\\\\"|\\\\\\\\|\\[^\"])+"),
)
_WORD = re.compile(r"[A-Za-z0-9_.+=~$!*-]+")
_BASE64 = re.compile(r"[A-Za-z0-9+/=]{6,}")


class Redactor:
    """Replaces secrets by ``***``. Knows any number of them at the same cost per text."""

    __slots__ = ("_phrases", "_words")

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._words: set[str] = set()
        self._phrases: set[str] = set()
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Remember secrets, in the forms in which they travel: plain, base64, hexadecimal.

        A text shorter than four characters is not taken for a secret: masking it would eat words.
        """
        for secret in secrets:
            if len(secret) >= _SHORTEST:
                raw = secret.encode()
                (self._words if _WORD.fullmatch(secret) else self._phrases).add(secret)
                self._words |= {base64.b64encode(raw).decode(), raw.hex(), raw.hex().upper()}

    def text(self, text: str) -> str:
        """The text with every secret masked."""
        for phrase in self._phrases:
            if phrase in text:
                text = text.replace(phrase, MASK)
        if self._words:
            text = _BASE64.sub(self._mask_word, _WORD.sub(self._mask_word, text))
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text

    def _mask_word(self, match: re.Match[str]) -> str:
        return MASK if match.group() in self._words else match.group()

    def value(self, value: Any, field: str = "") -> Any:
        """A JSON-like value with every secret masked; telling field names hide all they hold."""
        if field and _SECRET_FIELD.fullmatch(field):
            return self._hidden(value)
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            hidden = _SECRET_FIELD.fullmatch(str(value.get("key", "")))
            return {
                self.text(str(key)): self._hidden(item)
                if hidden and key == "value"
                else self.value(item, str(key))
                for key, item in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        return value

    def _hidden(self, value: Any) -> Any:
        """A secret's value: nothing of it stays, unless it only says where the secret lies."""
        if value is None or isinstance(value, bool) or value == "":
            return value
        if isinstance(value, Mapping) and value and set(value) <= _REFERENCE:
            return {key: self.text(str(item)) for key, item in value.items()}
        return MASK

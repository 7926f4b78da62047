"""Finds personal data and secrets by their form, without a language model.

Finds: e-mail addresses; every number of seven or more digits however it is grouped (telephone, card, account, tax and
identity numbers, dates); IBANs; identity numbers of Italy, Mexico, Finland and the United Kingdom that have letters
between the digits; IP and MAC addresses; credentials in URLs; private keys; API keys, tokens and what is named a
password or secret. Does not find: names of people and places, postal addresses, numbers in words, shorter numbers,
addresses written out as "name at example dot com", or what a text tells about a person.
"""

from __future__ import annotations

import ipaddress
import time
from typing import TYPE_CHECKING

from stdnum import iban, luhn
from stdnum.it import codicefiscale
from stdnum.mx import curp

from moorage_serving.gateway.request_log import patterns
from moorage_serving.gateway.request_log.pieces import pieces

if TYPE_CHECKING:
    import re

# Takes half a millisecond (2026-11-23), in which the event loop's thread cannot run; then it can for longer than that.
PIECE_CHARACTERS = 1024
PAUSE_SECONDS = 0.001
MAX_NAME_CHARACTERS = 200
CARD_DIGITS = range(12, 20)  # ISO/IEC 7812-1
MIN_IBAN_CHARACTERS = 15  # Norway's, the shortest in the registry (ISO 13616)


class PatternRedactor:
    """The `Redactor` that the gateway brings along."""

    def __init__(self, piece_characters: int = PIECE_CHARACTERS) -> None:
        self._piece_characters = piece_characters

    def redact(self, text: str) -> str:
        # A private key is the only thing that is longer than a line.
        text = patterns.PRIVATE_KEY.sub("[PRIVATE_KEY]", text)
        redacted: list[str] = []
        for piece in pieces(text, self._piece_characters):
            if redacted:
                time.sleep(PAUSE_SECONDS)
            redacted.append(_redact_piece(piece))
        return "".join(redacted)

    def is_secret_name(self, name: str) -> bool:
        return len(name) <= MAX_NAME_CHARACTERS and patterns.SECRET_NAME.search(name) is not None


def _redact_piece(text: str) -> str:
    """Keys first: what is left of a key that another rule has cut might not be found any more."""
    text = patterns.URL_CREDENTIALS.sub("[CREDENTIALS]", text)
    text = patterns.NAMED_SECRET.sub(r"\1[SECRET]", text)
    text = patterns.PREFIXED_SECRET.sub("[SECRET]", text)
    text = patterns.EMAIL.sub("[EMAIL]", text)
    text = _redact_ibans(text)
    text = patterns.LONG_TOKEN.sub("[SECRET]", text)
    text = patterns.MIXED_IDENTITY.sub(_identity, text)
    text = patterns.NATIONAL_INSURANCE.sub("[IDENTITY]", text)
    text = patterns.FINNISH_IDENTITY.sub("[IDENTITY]", text)
    text = patterns.MAC_ADDRESS.sub("[MAC_ADDRESS]", text)
    text = patterns.IP_ADDRESS_6.sub(_ip_address, text)
    text = patterns.IP_ADDRESS_4.sub(_ip_address, text)
    return patterns.NUMBER.sub(_number, text)


def _redact_ibans(text: str) -> str:
    parts: list[str] = []
    done = 0
    for match in patterns.IBAN.finditer(text):
        length = _iban_length(match[1])
        if length and match.start() >= done:
            parts += (text[done : match.start()], "[IBAN]")
            done = match.start() + length
    return "".join((*parts, text[done:]))


def _iban_length(candidate: str) -> int:
    """Words can follow after a space: how much of the candidate is an IBAN, 0 for none of it."""
    ends = range(len(candidate), MIN_IBAN_CHARACTERS - 1, -1)
    at_end_of_word = (end for end in ends if candidate[end - 1].isalnum() and not candidate[end : end + 1].isalnum())
    return next((end for end in at_end_of_word if iban.is_valid(candidate[:end])), 0)


def _identity(match: re.Match[str]) -> str:
    is_known = codicefiscale.is_valid(match[0]) or curp.is_valid(match[0])
    return "[IDENTITY]" if is_known else match[0]


def _ip_address(match: re.Match[str]) -> str:
    """A colon at the end belongs to the sentence."""
    candidate = match[0] if match[0].endswith("::") else match[0].rstrip(":")
    try:
        ipaddress.ip_address(candidate)
    except ValueError:
        return match[0]
    return "[IP_ADDRESS]" + match[0][len(candidate) :]


def _number(match: re.Match[str]) -> str:
    digits = "".join(character for character in match[0] if character.isdigit())
    return "[CARD]" if len(digits) in CARD_DIGITS and luhn.is_valid(digits) else "[NUMBER]"

"""What personal data and secrets look like.

Every pattern starts only where a run of its characters starts (a lookbehind says so), so that none takes quadratic
time on text that almost matches.
"""

from __future__ import annotations

import re

PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
# RFC 3986, section 3.2.1: the user information ends with the last @ before the path.
URL_CREDENTIALS = re.compile(r"(?<=://)[^\s/?#]+(?=@)")

SENSITIVE_WORDS = (
    r"(?:pass(?:word|wd|phrase|code)|pwd|secret|token|credential|authorization|signature|sig|cookie|pin|cvc|cvv"
    r"|api[ _-]?key|access[ _-]?key|private[ _-]?key|account[ _-]?key|client[ _-]?secret)s?"
)
SECRET_NAME = re.compile(rf"(?:^|[^a-z]){SENSITIVE_WORDS}(?:$|[^a-z])", re.IGNORECASE)
# "password: x", "password is x", `"api_key": "x"`, "token=x", "Authorization: Bearer x"
NAMED_SECRET = re.compile(
    rf"""(?<![A-Za-z])({SENSITIVE_WORDS}["']?(?:[ \t]{{0,3}}[:=]>?\s{{0,3}}|[ \t](?:is|was)[ \t])["'\x60]?"""
    r"""(?:(?:bearer|basic|digest|token)[ \t]{1,3})?)([^\s"'`,;&\[][^\s"'`,;&]*)""",
    re.IGNORECASE,
)

# Prefixes that vendors give their keys, so that they can be found. Read 2026-11-23: the rules of gitleaks
# (https://github.com/gitleaks/gitleaks/blob/master/config/gitleaks.toml).
PREFIXED_SECRET = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:sk|pk|rk|ak)[-_][\w-]{16,}|gh[pousr]_\w{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|xox[a-z]-[\w-]{10,}"
    r"|(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}|AIza[\w-]{30,}|ya29\.[\w-]{16,}|hf_\w{16,}|npm_\w{16,}|pypi-[\w-]{16,}"
    r"|dop_v1_\w{16,}|SG\.[\w-]{16,}(?:\.[\w-]+)?|nvapi-[\w-]{16,}|gsk_\w{16,}|r8_\w{16,}|pul-[0-9a-f]{16,}"
    r"|eyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?"
    r")"
)
# What has both letters and digits and is as long as this was made by a machine: a key, a hash or an identifier.
LONG_TOKEN = re.compile(r"(?<![A-Za-z0-9_+=-])(?=[A-Za-z_+=-]*[0-9])(?=[0-9_+=-]*[A-Za-z])[A-Za-z0-9_+=-]{24,}")

LOCAL_PART = r"\w.!#$%&'*+/=?^`{|}~-"  # RFC 5322's atom and the dot; \w has the letters of RFC 6531
EMAIL = re.compile(rf"(?<![{LOCAL_PART}])[{LOCAL_PART}]+?(?:@|%40|\uff20)(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])")
# In a lookahead: what looks like the start of one can be followed by a real one.
IBAN = re.compile(r"(?<![A-Za-z0-9])(?=([A-Za-z]{2}[0-9]{2}(?:[ \u00a0-]?[A-Za-z0-9]){11,30}))")
# Identity numbers with too few digits in a row to be found as a number, in their national writing.
MIXED_IDENTITY = re.compile(r"(?<![A-Za-z0-9])(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{10,18}(?![A-Za-z0-9])")
NATIONAL_INSURANCE = re.compile(
    r"(?<![A-Za-z0-9])[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z](?:[ -]?[0-9]{2}){3}[ -]?[A-D](?![A-Za-z0-9])", re.IGNORECASE
)
FINNISH_IDENTITY = re.compile(r"(?<![A-Za-z0-9])[0-9]{6}[-+A-FU-Y][0-9]{3}[0-9A-Y](?![A-Za-z0-9])", re.IGNORECASE)
IP_ADDRESS_4 = re.compile(r"(?<![0-9.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9]|\.[0-9])")
IP_ADDRESS_6 = re.compile(r"(?<![\w:.])(?=[0-9A-Fa-f]*:[0-9A-Fa-f]*:)[0-9A-Fa-f:]+(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3})?")
MAC_ADDRESS = re.compile(r"(?<![0-9A-Fa-f:-])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![0-9A-Fa-f])")

# Seven digits, however they are grouped. The shortest telephone numbers with an area's subscribers have seven digits
# (ITU-T E.164 allows 15), cards 12 to 19, identity and account numbers 8 to 18, dates of birth 8.
BETWEEN_DIGITS = r"[ \t\u00a0\u00ad\u2000-\u200b\u2010-\u2015\u202f\u2060\u2212./()\u00b7-]{0,4}"
NUMBER = re.compile(rf"(?<!\d)\+?\(?\d(?:{BETWEEN_DIGITS}\d){{6,}}")

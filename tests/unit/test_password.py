"""What a password is made of, which a stack makes up itself."""

import re

from moorage.credentials.password import Password

# docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth.html (read 2026-11-26): what an AUTH token may have.
TAKEN_BY_ELASTICACHE = re.compile(r"[A-Za-z0-9!&#$^<>-]{16,128}")
# RFC 3986, section 3.2.1: what a password in a URL may have without being quoted, but for letters and digits.
UNQUOTED = "-._~!$&'()*+,;="


def test_every_password_is_one_that_elasticache_and_urls_take():
    made = [password() for _ in range(100)]
    assert len(set(made)) == len(made)
    assert all(TAKEN_BY_ELASTICACHE.fullmatch(each) for each in made)
    assert all(character.isalnum() or character in UNQUOTED for each in made for character in each)


def password() -> str:
    outs = Password.implementation().create({}).outs
    assert outs is not None
    return outs["password"]

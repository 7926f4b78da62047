"""What AWS has answered is given the time that it needs to be true everywhere, once."""

import time

from moorage.aws.propagation import Propagation

PROVIDER = Propagation.implementation()


def test_it_is_there_no_sooner_than_was_asked():
    begun = time.monotonic()
    made = PROVIDER.create({"of": "a-0a1b2c3d", "seconds": 0.05})
    assert time.monotonic() - begun >= 0.05
    assert made.outs == {"of": "a-0a1b2c3d", "seconds": 0.05}


def test_it_waits_again_for_another_one_alone():
    olds = {"of": "a-0a1b2c3d", "seconds": 30}
    assert PROVIDER.diff("id", olds, {**olds, "of": "a-4e5f6a7b"}).replaces == ["of"]
    assert PROVIDER.diff("id", olds, {**olds, "seconds": 60}).changes is False

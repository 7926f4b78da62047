"""The phases of an environment's start, from what its engine logs."""

from hypothesis import given
from hypothesis import strategies as st

from moorage_serving.serverless.cold_start import ENGINE, GATEWAY, PROCESS, WEIGHTS, ColdStart

LINES = (
    "srv    load_model: loading model '/opt/model/model.gguf'",
    "srv    load_model: initializing, n_slots = 1, n_ctx_slot = 512, kv_unified = 'false'",
    "srv          main: model loaded",
)
MOMENTS = st.lists(st.floats(0, 100), min_size=4, max_size=4).map(sorted)


@given(MOMENTS)
def test_phases_add_up_to_the_whole(moments: list[float]):
    start = ColdStart(0.0)
    for line, at in zip(LINES, moments, strict=False):
        start.read(line, at)
    phases = start.phases(moments[3])
    assert list(phases) == [PROCESS, WEIGHTS, ENGINE, GATEWAY]
    assert abs(sum(phases.values()) - moments[3]) < 1e-9
    assert all(seconds >= 0 for seconds in phases.values())


def test_what_the_engine_does_not_tell_is_in_the_next_phase():
    start = ColdStart(1.0)
    start.read("something else", 2.0)
    assert start.phases(4.0) == {GATEWAY: 3.0}


def test_only_the_first_of_each_line_counts():
    start = ColdStart(0.0)
    for at, line in enumerate((*LINES, *LINES), start=1):
        start.read(line, float(at))
    assert start.phases(10.0) == {PROCESS: 1.0, WEIGHTS: 1.0, ENGINE: 1.0, GATEWAY: 7.0}

"""How a start is split, from the lines that vLLM 0.32.0 writes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage_serving.activator.cold_start import PHASES, ColdStart
from moorage_serving.activator.log_tail import LogTail

BEFORE = "(EngineCore pid=9) INFO 11-23 09:52:15 [core.py:133] Initializing a V1 LLM engine (v0.32.0)"
BEGIN = "(Worker pid=9) INFO 11-23 09:52:27 [cpu_model_runner.py:68] Starting to load model /models/harbour..."
READ = "(Worker pid=9) INFO 11-23 09:52:27 [default_loader.py:501] Loading weights took 0.01 seconds"
ON_GPU = "(Worker pid=9) INFO 11-23 09:52:31 [gpu_model_runner.py:5010] Model loading took 14.99 GiB and 4.3 seconds"
AFTER = "(EngineCore pid=9) INFO 11-23 09:52:28 [core.py:402] init engine (profile, create kv cache) took 0.20 s"


def phases(*lines: tuple[float, str], ready_at: float = 10) -> dict[str, float]:
    start = ColdStart(began_at=0)
    for at, line in lines:
        start.read(line, at)
    return start.phases(ready_at)


def test_the_lines_split_it():
    assert phases((1, BEFORE), (3, BEGIN), (7, READ), (8, AFTER)) == {"start": 3, "weights": 4, "engine": 3}


def test_what_follows_the_reading_belongs_to_the_weights():
    assert phases((3, BEGIN), (5, READ), (7, ON_GPU)) == {"start": 3, "weights": 4, "engine": 3}


def test_several_workers_count_from_the_first_to_the_last():
    assert phases((2, BEGIN), (3, BEGIN), (6, READ), (8, READ)) == {"start": 2, "weights": 6, "engine": 2}


def test_an_engine_that_says_nothing_has_only_a_start():
    assert phases((1, BEFORE)) == {"start": 10}


def test_only_the_last_try_tells_of_weights():
    start = ColdStart(began_at=0)
    for at, line in ((1, BEGIN), (2, READ)):
        start.read(line, at)
    start.begin_again()
    for at, line in ((5, BEGIN), (6, READ)):
        start.read(line, at)
    assert start.phases(8) == {"start": 5, "weights": 1, "engine": 2}


@given(st.lists(st.tuples(st.floats(0, 100), st.sampled_from([BEFORE, BEGIN, READ, ON_GPU, AFTER])), max_size=12))
def test_the_phases_add_up_to_the_whole(lines: list[tuple[float, str]]):
    found = phases(*sorted(lines), ready_at=100)
    assert sum(found.values()) == pytest.approx(100)
    assert set(found) <= set(PHASES)
    assert min(found.values()) >= 0


def test_a_log_is_read_from_where_it_ends_line_by_line(tmp_path: Path):
    log = tmp_path / "engine.log"
    log.write_text("of the start before\n")
    tail = LogTail(str(log))
    with log.open("a") as file:
        file.write("one\ntw")
        file.flush()
        assert tail.lines() == ["one"]
        file.write("o\n")
    assert tail.lines() == ["two"]
    assert tail.lines() == []


def test_a_log_that_is_missing_or_rotated_goes_on(tmp_path: Path):
    log = tmp_path / "engine.log"
    tail = LogTail(str(log))
    assert tail.lines() == []
    log.write_text("a long first line\n")
    assert tail.lines() == ["a long first line"]
    log.rename(tmp_path / "engine.log.1")
    log.write_text("new\n")
    assert tail.lines() == ["new"]

from benchmarks.autoscaling.engine import Engine, Request
from benchmarks.autoscaling.gateway import Gateway
from benchmarks.autoscaling.scenarios import profile_of

from moorage_serving.gateway.config.serving import AdmissionConfig

ADMISSION = AdmissionConfig(max_queue_length=3, deadline_seconds=60)


def request() -> Request:
    return Request(arrived_at=0, output_tokens=10)


def test_while_no_engine_is_up_requests_wait_and_are_demand():
    gateway = Gateway(ADMISSION, 2)
    assert [gateway.offer(0, request(), []) for _ in range(4)] == [True, True, True, False]
    assert (gateway.demand, gateway.in_service) == (3, 0)
    engine = Engine(profile_of("L4"), now=1)
    gateway.admit(1, [engine])
    assert (gateway.demand, gateway.in_service, engine.load) == (3, 2, 2)


def test_each_goes_to_the_engine_with_the_least_to_do():
    gateway, engines = Gateway(ADMISSION, 8), [Engine(profile_of("L4"), now=0) for _ in range(2)]
    for _ in range(4):
        gateway.offer(0, request(), engines)
    assert [engine.load for engine in engines] == [2, 2]


def test_who_has_waited_for_too_long_goes():
    gateway = Gateway(ADMISSION, 1)
    gateway.offer(0, request(), [])
    assert list(gateway.expired(60)) == []
    assert len(list(gateway.expired(61))) == 1
    assert gateway.demand == 0


def test_who_could_not_be_served_in_time_is_refused_at_once():
    gateway, engine = Gateway(ADMISSION, 1), Engine(profile_of("L4"), now=0)
    for number in range(8):
        gateway.offer(100 * number, request(), [engine])
        gateway.leave(100 * (number + 1))
    assert gateway.offer(900, request(), [engine])
    assert not gateway.offer(900, request(), [engine])

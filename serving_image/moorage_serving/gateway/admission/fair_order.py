"""The fair order among tenants that wait at the same time.

WF²Q+ (Bennett and Zhang, "Hierarchical Packet Fair Queueing Algorithms", IEEE/ACM Transactions on Networking 5(5),
1997), with one request as the unit of work: among the tenants that are not ahead of their share, the one whose next
request would be finished first if everybody got exactly their share all the time. While the same tenants wait, what
each has got is never more than one request away from its share by weight.
"""

from __future__ import annotations

import heapq
from typing import Generic, TypeVar

T = TypeVar("T")
# Sums of fractions such as 1/3 meet what they should be equal to only nearly.
ROUNDING = 1e-9


class Flow(Generic[T]):
    """One tenant's requests that wait, oldest first.

    `start` and `finish`: the virtual times at which the next one may begin, and would have had its share of service.
    """

    __slots__ = ("finish", "start", "waiting", "weight")

    def __init__(self, start: float, weight: int) -> None:
        self.waiting: dict[T, None] = {}
        self.plan(start, weight)

    def plan(self, start: float, weight: int) -> None:
        """Set when the next request has its turn."""
        self.start = start
        self.weight = weight
        self.finish = start + 1 / weight

    @property
    def places_per_weight(self) -> float:
        return len(self.waiting) / self.weight


class FairOrder(Generic[T]):
    """Requests that wait, in the order in which they are served. Choosing one costs a look at each waiting tenant.

    A tenant whose queue has run empty is remembered until its last request would be finished: otherwise one that lets
    its queue run empty again and again would get more than its share.
    """

    def __init__(self) -> None:
        self._flows: dict[str, Flow[T]] = {}
        self._finishing: dict[str, Flow[T]] = {}
        self._ends: list[tuple[float, str]] = []  # a heap of when those in `_finishing` are forgotten
        self._virtual_time = 0.0
        self._total_weight = 0  # of all in `_flows` and `_finishing`

    def __len__(self) -> int:
        return sum(len(flow.waiting) for flow in self._flows.values())

    def __bool__(self) -> bool:
        return bool(self._flows)

    def push(self, item: T, tenant: str, weight: int) -> None:
        """`item` waits from now on, behind everything else of its tenant."""
        flow = self._flows.get(tenant)
        if flow is None:
            flow = self._finishing.pop(tenant, None)
            if flow is None:
                flow = Flow(self._virtual_time, weight)
                self._total_weight += weight
            self._flows[tenant] = flow
        if flow.weight != weight:
            self._total_weight += weight - flow.weight
            flow.plan(flow.start, weight)
        flow.waiting[item] = None

    def next(self) -> T:
        """The item whose turn it is; it stays until `serve` or `remove`. There must be one."""
        chosen = self._chosen()
        if chosen is None:
            self._advance_to(min(flow.start for flow in self._flows.values()))
            chosen = self._chosen()
        assert chosen is not None  # noqa: S101 - the one that starts first is not ahead of its share any more
        return next(iter(chosen.waiting))

    def serve(self, item: T, tenant: str) -> None:
        """Take out an item, at its tenant's expense."""
        flow = self._flows[tenant]
        flow.plan(flow.finish, flow.weight)
        self._advance_by_one_request()
        self.remove(item, tenant)

    def remove(self, item: T, tenant: str) -> None:
        """Take out an item that nobody has to pay for."""
        flow = self._flows[tenant]
        del flow.waiting[item]
        if flow.waiting:
            return
        del self._flows[tenant]
        if not self._flows:
            self._start_afresh()
        elif flow.start > self._virtual_time:
            self._finishing[tenant] = flow
            heapq.heappush(self._ends, (flow.start, tenant))
        else:
            self._total_weight -= flow.weight

    def ahead_of(self, tenant: str, weight: int) -> int:
        """How many of those that wait now would be served before a new request.

        At most one per other tenant too few; and too many by no more than what others may get for one request of this
        tenant, their weights by its own: when within that time its turn comes is not looked into.
        """
        own = self._flows.get(tenant) or self._finishing.get(tenant)
        ahead = len(own.waiting) if own else 0
        finish = (own.start if own else self._virtual_time) + (ahead + 1) / weight
        for flow in self._flows.values():
            if flow is not own:
                finished = int((finish - flow.start) * flow.weight + ROUNDING)
                ahead += max(0, min(len(flow.waiting), finished))
        return ahead

    def places(self, tenant: str) -> int:
        """How many requests of a tenant wait."""
        flow = self._flows.get(tenant)
        return len(flow.waiting) if flow else 0

    def most_crowded(self) -> Flow[T]:
        """The tenant that holds most places for its weight. There must be one."""
        return max(self._flows.values(), key=lambda flow: flow.places_per_weight)

    def _start_afresh(self) -> None:
        """Everybody has got everything they asked for: nobody is ahead of anybody."""
        self._finishing.clear()
        self._ends.clear()
        self._virtual_time, self._total_weight = 0.0, 0

    def _chosen(self) -> Flow[T] | None:
        chosen, earliest, latest_start = None, float("inf"), self._virtual_time + ROUNDING
        for flow in self._flows.values():
            if flow.start <= latest_start and flow.finish < earliest - ROUNDING:
                chosen, earliest = flow, flow.finish
        return chosen

    def _advance_by_one_request(self) -> None:
        """Virtual time goes the slower the more weight shares the service, and faster again with each that ends."""
        left = 1.0
        while self._ends and self._virtual_time + left / self._total_weight >= self._ends[0][0]:
            end = self._ends[0][0]
            left -= max(0.0, end - self._virtual_time) * self._total_weight
            self._advance_to(end)
        self._virtual_time += left / self._total_weight

    def _advance_to(self, virtual_time: float) -> None:
        self._virtual_time = max(self._virtual_time, virtual_time)
        while self._ends and self._ends[0][0] <= self._virtual_time:
            end, tenant = heapq.heappop(self._ends)
            flow = self._finishing.get(tenant)
            if flow is not None and flow.start <= end:  # else it came back, or came back and went again
                self._total_weight -= self._finishing.pop(tenant).weight

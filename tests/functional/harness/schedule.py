# SPDX-License-Identifier: MIT
"""The order of the tests among parallel workers: those that take minutes begin first, each on a worker of its own."""
from xdist.scheduler import LoadScheduling


class LongFirst(LoadScheduling):
    """For a collection that is sorted, the longest first.  A worker has one test that it runs and one that waits, in turn
    from the front and from the back: no long one waits behind another.  (By itself xdist deals out chunks of dozens.)"""

    def schedule(self):
        if self.collection is not None or not self._check_nodes_have_same_collection():
            super().schedule()
            return
        self.collection = list(self.node2collection.values())[0]
        self.pending[:] = range(len(self.collection))
        for node in self.nodes:
            self.check_schedule(node)

    def check_schedule(self, node, duration=0):
        if node.shutting_down:
            return
        waiting = self.node2pending[node]
        while self.pending and len(waiting) < 2:
            if waiting and waiting[-1] < self.pending[0]:
                self.pending.insert(0, self.pending.pop())
            self._send_tests(node, 1)
        if not self.pending:
            node.shutdown()

# SPDX-License-Identifier: MIT
"""Payments between the nodes of a devnet, so many a second: deploy/devnet.sh --pay.

Each node has a thread that pays the others in turn, through sendtoaddress, over one connection that stays open.  A coin
that is being spent cannot be spent again before its payment is final, so the coins are split first, by payments of the
node to itself, until there are enough for what is to be under way at once; later, small ones are merged now and then.
"""

import base64
import collections
import decimal
import http.client
import json
import statistics
import threading
import time

RPC_TIMEOUT_S = 30
INSUFFICIENT_FUNDS = -6
AMOUNT = "0.01"
# Spent coins come back within this time, or there are too few of them.
TURNOVER_S = 3
LEAST_COINS = 20
# What has been missed is not made up for beyond this.
LAG_S = 1
COUNT_EVERY_S = 10
# For halves to be final.
SPLIT_WAIT_S = 0.5
STOP_TIMEOUT_S = 3
# How long a payment takes to be final is measured this often, and shown of so many.
SAMPLE_EVERY_S = 0.5
SAMPLES = 20
FINAL_WITHIN_S = 30


class Refused(Exception):
    """An answer of the node that is an error."""

    def __init__(self, error):
        super().__init__(error.get("message"))
        self.code = error.get("code")


class Connection:
    """JSON-RPC over a connection that is kept."""

    def __init__(self, ip, port, cookie_file):
        self.address = (ip, port)
        self.cookie_file = cookie_file
        self.http = None

    def _open(self):
        cookie = self.cookie_file.read_bytes().strip()
        self.headers = {"Authorization": "Basic " + base64.b64encode(cookie).decode(),
                        "Content-Type": "application/json"}
        self.http = http.client.HTTPConnection(*self.address, timeout=RPC_TIMEOUT_S)

    def call(self, method, *params):
        if self.http is None:
            self._open()
        try:
            self.http.request("POST", "/", json.dumps({"jsonrpc": "2.0", "id": 1, "method": method,
                                                       "params": params}), self.headers)
            answer = json.loads(self.http.getresponse().read(), parse_float=decimal.Decimal)
        except (OSError, ValueError, http.client.HTTPException):
            self.close()
            raise
        if answer.get("error"):
            raise Refused(answer["error"])
        return answer["result"]

    def close(self):
        if self.http is not None:
            self.http.close()
            self.http = None


class Payer:
    """One node that pays the others."""

    def __init__(self, ip, port, cookie_file, rate, payers):
        self.payers = payers     # all of them
        self.connection = Connection(ip, port, cookie_file)
        self.rate = rate
        self.address = None      # that others pay to, once the node has said it
        self.paid = 0
        self.failed = 0
        self.coins = 0
        self.why = "starting"    # what it waits for; None: it pays
        self.quit = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def others(self):
        """The addresses of those that have said one."""
        return [payer.address for payer in self.payers if payer is not self and payer.address]

    def wanted_coins(self):
        return max(LEAST_COINS, int(self.rate * TURNOVER_S) + 1)

    def _count(self):
        self.coins = len(self.connection.call("listunspent", 0))

    def _try(self, address, amount):
        """Whether it was paid; waits a moment when it cannot be now."""
        try:
            self.connection.call("sendtoaddress", address, amount)
            return True
        except Refused as refused:
            self.why = str(refused)
            if refused.code != INSUFFICIENT_FUNDS:
                self.failed += 1
            self.quit.wait(0.1)
            return False

    def _split(self):
        """Until there are enough coins: each payment makes two out of one, and the halves are halved."""
        self._count()
        while not self.quit.is_set() and self.coins < self.wanted_coins():
            balance = decimal.Decimal(self.connection.call("getbalance"))
            half = balance / (2 * max(1, self.coins))
            if half < 2 * decimal.Decimal(AMOUNT):
                self.why = f"no money to split: {balance:.8f} TIME"
                self.quit.wait(1)
                self._count()
                continue
            for _ in range(min(self.coins, self.wanted_coins() - self.coins)):
                if self.quit.is_set() or not self._try(self.address, f"{half:.8f}"):
                    break
            self.why = f"splitting coins: {self.coins} of {self.wanted_coins()}"
            self.quit.wait(SPLIT_WAIT_S)
            self._count()

    def _tidy(self):
        self._count()
        if self.coins > 4 * self.wanted_coins():
            try:
                self.connection.call("mergeutxos", 2, 3 * self.wanted_coins())
            except Refused as refused:
                self.why = str(refused)

    def _pay(self):
        due = tidy = time.monotonic()
        turn, others = 0, []
        while not others and not self.quit.wait(0.1):
            others = self.others()
        while not self.quit.is_set():
            now = time.monotonic()
            if now < due:
                self.quit.wait(due - now)
                continue
            if now >= tidy:
                self._tidy()
                tidy = now + COUNT_EVERY_S
            if len(others) + 1 < len(self.payers):
                others = self.others()
            if self._try(others[turn % len(others)], AMOUNT):
                self.paid += 1
                self.why = None
                turn += 1
            due = max(due + 1 / self.rate, now - LAG_S)

    def _run(self):
        while not self.quit.is_set():
            try:
                self.address = self.address or self.connection.call("getnewaddress")
                self._split()
                self._pay()
            except (OSError, ValueError, http.client.HTTPException, Refused) as error:
                self.why = str(error)
                self.quit.wait(1)
        self.connection.close()


class Sampler:
    """Pays now and then as well, and waits until that is final."""

    def __init__(self, payers, ip, port, cookie_file):
        self.payers = payers
        self.connection = Connection(ip, port, cookie_file)
        self.seconds = collections.deque(maxlen=SAMPLES)
        self.quit = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _sample(self):
        address = self.payers[-1].address
        if not address or self.payers[0].paid == 0:
            return
        begin = time.monotonic()
        txid = self.connection.call("sendtoaddress", address, AMOUNT)
        if self.connection.call("waittransactionfinality", txid, FINAL_WITHIN_S)["finalized"]:
            self.seconds.append(time.monotonic() - begin)

    def _run(self):
        while not self.quit.wait(SAMPLE_EVERY_S):
            try:
                self._sample()
            except (OSError, ValueError, http.client.HTTPException, Refused):
                continue  # the payers tell what is wrong
        self.connection.close()

    def text(self):
        """Nothing while nothing is known."""
        return f", final after {statistics.median(self.seconds) * 1000:.0f} ms" if self.seconds else ""


class Payments:
    """All of them, and what is said about them."""

    def __init__(self, nodes, port, rate):
        self.rate = rate
        self.payers = []
        for node in nodes:
            self.payers.append(Payer(node.ip, port, node.data_dir / ".cookie", rate / len(nodes), self.payers))
        self.paid_before, self.looked_at, self.per_second = 0, None, 0.0
        self.sampler = Sampler(self.payers, nodes[0].ip, port, nodes[0].data_dir / ".cookie")
        for part in [*self.payers, self.sampler]:
            part.thread.start()

    def stop(self):
        for part in [*self.payers, self.sampler]:
            part.quit.set()
        for part in [*self.payers, self.sampler]:
            part.thread.join(STOP_TIMEOUT_S)

    def line(self):
        """For above the table; says the rate since it was asked last."""
        now, paid = time.monotonic(), sum(payer.paid for payer in self.payers)
        if self.looked_at is not None and now > self.looked_at:
            self.per_second = (paid - self.paid_before) / (now - self.looked_at)
        self.paid_before, self.looked_at = paid, now
        waits = [f"{payer.connection.address[0]}: {payer.why}" for payer in self.payers if payer.why]
        return (f"Payments: {self.per_second:.1f} of {self.rate} a second, {paid} made, "
                f"{sum(payer.failed for payer in self.payers)} refused, "
                f"{sum(payer.coins for payer in self.payers)} coins{self.sampler.text()}"
                + (f"; {waits[0]}" if waits else ""))

# SPDX-License-Identifier: MIT
"""A scripted peer with a chain: it answers what a node with that chain answers, or fails in ways that a test chooses.

`ours=False` is the existing Rust node on a connection that it accepted: no Version; 101 blocks at most in answer to
GetBlocks; GetGenesisHash and BlockRequest unanswered; more than ten of a kind within a second are dropped. Answers are
given in order by the thread that reads, so a slow peer's pongs come late as well.
"""
import socket
import threading
import time

from . import wire
from .chain import ZERO, wire_outpoint
from .net import P2P_PORT
from .peer import Peer, connect

MAX_ANSWER_BYTES = 4 << 20
MAX_BLOCKS = 101
RUST_PER_SECOND = 10
BLOCKS = ("GetBlocks", "GetBlockRange", "BlockRequest")
UNANSWERED_BY_RUST = ("GetGenesisHash", "BlockRequest", "Subscribe", "Unsubscribe")


class Link(Peer):
    """One connection of a ChainPeer."""

    def __init__(self, sock, owner, dialled, **options):
        self.owner = owner
        self.dialled = dialled
        self.ready = threading.Event()
        super().__init__(sock, genesis=owner.chain.hash_at(0), **options)

    def _answer(self, name, payload):
        self.owner.on_line(self, name, payload)


class ChainPeer:
    """Behaviours are plain attributes and may be changed at any time:

    pong        answers pings
    mute        answers pings and nothing else
    silent      names of requests that are never answered
    delay       seconds before each answer, the next line waiting meanwhile
    late        seconds; answers to requests for blocks come that long after their pong
    hold        an Event: requests for blocks are answered only once it is set
    substitute  {height: block} served in the place of the real ones
    withheld    heights that are left out of what is served
    hashes      {height: byte array or None} said in the place of the real ones
    claim       a height that is claimed in the place of the real one
    hooks       {name: function(link, payload) -> message, None (nothing is sent) or NotImplemented (as usual)}
    most        at most so many blocks in an answer
    """

    def __init__(self, ip, chain, *, ours=True, **behaviour):
        self.ip = ip
        self.chain = chain
        self.ours = ours
        self.pong = True
        self.mute = False
        self.silent = set()
        self.delay = 0
        self.late = 0
        self.hold = None
        self.substitute = {}
        self.withheld = set()
        self.hashes = {}
        self.claim = None
        self.hooks = {}
        self.most = MAX_BLOCKS
        self.links = []
        self.requests = []      # (seconds, name, payload)
        self.served = []        # heights of all blocks that were sent, in order
        self._lock = threading.Lock()
        self._listener = None
        self._timers = []
        for name, value in behaviour.items():
            assert hasattr(self, name), name
            setattr(self, name, value)

    # --- connections ---

    def listen(self):
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((self.ip, P2P_PORT))
        self._listener.listen(16)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()
        return self

    def dial(self, node):
        """Connects to a daemon; returns the link, its handshake done."""
        link = Link(connect(self.ip, node.ip, node.config["network"]["port"]), self, dialled=True)
        with self._lock:
            self.links.append(link)
        link.send(wire.handshake(network=link.network), *([self.version(link)] if self.ours else []), wire.ping())
        link.expect("Ack")
        link.ready.set()
        return link

    @property
    def link(self):
        """The open connection, or None."""
        with self._lock:
            return next((link for link in reversed(self.links) if link.is_open() and link.ready.is_set()), None)

    def close(self):
        self.stop_listening()
        for timer in self._timers:
            timer.cancel()
        if self.hold:
            self.hold.set()
        with self._lock:
            links = list(self.links)
        for link in links:
            link.close()

    def stop_listening(self):
        if self._listener:
            try:
                self._listener.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self._listener.close()
            self._listener = None

    def _accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            link = Link(sock, self, dialled=False)
            with self._lock:
                self.links.append(link)

    # --- what a test asks ---

    def asked(self, *names):
        with self._lock:
            return [payload for _, name, payload in self.requests if not names or name in names]

    def blocks_asked(self):
        """How often blocks were asked for, in whatever way."""
        return len(self.asked(*BLOCKS))

    def announce(self, block):
        self.link.send({"BlockAnnouncement": block})

    def assert_content(self):
        """Nothing that the existing node would punish, and no kind of request more often than it answers."""
        for link in self.links:
            assert not link.bad, f"{self.ip} got what an existing node would refuse: {link.bad[0]}"
        times = {}
        for when, name, _ in self.requests:
            times.setdefault(name, []).append(when)
        for name, seen in times.items():
            for first, ninth in zip(seen, seen[8:]):
                assert ninth - first >= 0.95, f"nine {name} within {ninth - first:.3f} s"

    # --- answering ---

    def version(self, link):
        height = self.chain.height if self.claim is None else self.claim
        return wire.version(link.node_id, link.network, height=height)

    def on_line(self, link, name, payload):
        if name == "Handshake" and not link.dialled:
            link.send(wire.ack(), *([self.version(link)] if self.ours else ["GetPeers", "GetMasternodes"]))
            link.ready.set()
        elif name == "Ping":
            if self.pong:
                link.send(wire.pong(payload["nonce"]))
        elif name.startswith("Get") or name in ("BlockRequest", "ConsensusQuery", "UTXOStateQuery"):
            self._request(link, name, payload)

    def _request(self, link, name, payload):
        with self._lock:
            self.requests.append((time.monotonic(), name, payload))
            recent = [when for when, kind, _ in self.requests[-100:] if kind == name and when > time.monotonic() - 1]
        if self.mute or name in self.silent or (not self.ours and (name in UNANSWERED_BY_RUST or
                                                                   len(recent) > RUST_PER_SECOND)):
            return
        if self.delay:
            time.sleep(self.delay)
        if self.hold and name in BLOCKS:
            self.hold.wait()
        hook = self.hooks.get(name)
        answer = hook(link, payload) if hook else NotImplemented
        if answer is NotImplemented:
            answer = self.answer(name, payload)
        if answer is None:
            return
        if self.late and name in BLOCKS:
            timer = threading.Timer(self.late, self._send_late, (link, answer))
            timer.daemon = True
            self._timers.append(timer)
            timer.start()
            return
        link.send(answer)

    @staticmethod
    def _send_late(link, answer):
        try:
            link.send(answer)
        except OSError:
            pass

    def answer(self, name, payload):
        """What a node with this chain says, as a message or a ready line."""
        chain = self.chain
        if name == "GetBlocks":
            return self._blocks("BlocksResponse", payload[0], min(payload[1], payload[0] + MAX_BLOCKS - 1),
                                self.most)
        if name == "GetBlockRange":
            return self._blocks("BlockRangeResponse", payload["start_height"], payload["end_height"],
                                self.most if self.ours else 1 << 30)
        if name == "BlockRequest":
            line = self._block(payload)
            return b'{"BlockResponse":' + line + b"}" if line else None
        if name == "GetBlockHash":
            return {"BlockHashResponse": {"height": payload, "hash": self.hash_at(payload)}}
        if name == "ConsensusQuery":
            known = self.hash_at(payload["height"]) or list(ZERO)
            return {"ConsensusQueryResponse": {"agrees": known == payload["block_hash"], "height": payload["height"],
                                               "their_hash": known}}
        if name == "GetBlockHeight":
            return {"BlockHeightResponse": chain.height if self.claim is None else self.claim}
        if name == "GetUTXOStateHash":
            return {"UTXOStateHashResponse": {"hash": list(chain.utxos.state_hash()), "height": chain.height,
                                              "utxo_count": len(chain.utxos.coins)}}
        if name == "UTXOStateQuery":
            known = [o for o in payload if (bytes(o["txid"]), o["vout"]) in chain.utxos.coins]
            return {"UTXOStateResponse": [[wire_outpoint((o["txid"], o["vout"])), "Unspent"] for o in known]}
        return {"GetPeers": {"PeersResponse": []}, "GetMasternodes": {"MasternodesResponse": []},
                "GetGenesisHash": {"GenesisHashResponse": chain.hash_at(0)}, "GetUTXOSet": {"UTXOSetResponse": []},
                "GetPendingTransactions": {"PendingTransactionsResponse": []}}.get(name)

    def hash_at(self, height):
        return self.hashes[height] if height in self.hashes else self.chain.hash_at(height)

    def _block(self, height):
        """A block as JSON, or None when there is none or it is withheld."""
        if height in self.withheld or not 0 <= height <= self.chain.height:
            return None
        self.served.append(height)
        if height in self.substitute:
            return wire.encode(self.substitute[height]).rstrip(b"\n")
        return self.chain.line(height)

    def _blocks(self, name, first, last, most):
        lines, size = [], 0
        for height in range(first, min(last, self.chain.height) + 1):
            line = self._block(height)
            if line is None:
                continue
            size += len(line) + 1
            if lines and (len(lines) == most or self.ours and size > MAX_ANSWER_BYTES):
                break
            lines.append(line)
        return b'{"%s":[' % name.encode() + b",".join(lines) + b"]}"

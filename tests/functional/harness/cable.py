# SPDX-License-Identifier: MIT
"""Network namespaces joined by cables of our own (root).

Each node has a namespace with a TUN device; `Lab` carries packets between those devices in this process, and delays,
reorders, loses or drops them as told. The kernel's TCP on both sides is the real one. Why not veth and `tc netem`: many
kernels (containers, small virtual machines) come without netem, and with TUN the loss is seeded.
"""
import ctypes
import fcntl
import heapq
import os
import random
import select
import socket
import struct
import subprocess
import threading
import time

TUNSETIFF = 0x400454CA
IFF_TUN = 0x0001
IFF_NO_PI = 0x1000
CLONE_NEWNET = 0x40000000
QUEUE_S = 0.5           # what a slow cable queues before it drops

_libc = ctypes.CDLL(None, use_errno=True)


def missing():
    """Why the lab cannot be built here, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if not os.path.exists("/dev/net/tun"):
        return "no /dev/net/tun"
    name = f"timed-probe-{os.getpid()}"
    try:
        done = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "no ip command (iproute2)"
    if done.returncode:
        return "ip netns add: " + done.stderr.strip()
    subprocess.run(["ip", "netns", "del", name], check=False)
    return None


class Namespace:
    """One network namespace with the address `ip` on a TUN device."""

    def __init__(self, name, ip):
        self.name = name
        self.ip = ip
        self._ip_command("netns", "add", name)
        try:
            self.tun = self._inside(self._open_tun)
            self._ip_command("-n", name, "link", "set", "lo", "up")
            self._ip_command("-n", name, "addr", "add", ip + "/24", "dev", "cable")
            self._ip_command("-n", name, "link", "set", "cable", "up")
        except BaseException:
            self.close()
            raise

    @property
    def prefix(self):
        """What makes a command run inside."""
        return ["ip", "netns", "exec", self.name]

    def connect(self, address, timeout):
        """A TCP connection from inside, usable from anywhere."""
        return self._inside(lambda: socket.create_connection(address, timeout))

    def close(self):
        if getattr(self, "tun", None) is not None:
            os.close(self.tun)
            self.tun = None
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True, check=False)

    @staticmethod
    def _ip_command(*args):
        subprocess.run(["ip", *args], check=True, capture_output=True)

    def _inside(self, action):
        """Runs an action in a thread that has entered the namespace."""
        result = []

        def enter():
            try:
                with open(f"/run/netns/{self.name}", "rb") as handle:
                    if _libc.setns(handle.fileno(), CLONE_NEWNET):
                        raise OSError(ctypes.get_errno(), "setns")
                result.append(action())
            except OSError as error:
                result.append(error)

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        if isinstance(result[0], OSError):
            raise result[0]
        return result[0]

    @staticmethod
    def _open_tun():
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH", b"cable", IFF_TUN | IFF_NO_PI))
        return fd


class Lab:
    """Namespaces 10.201.7.1, .2, … and the cables between each two of them."""

    def __init__(self, count):
        self.delay = 0.0        # seconds, each way
        self.jitter = 0.0       # seconds, up or down: packets overtake each other
        self.loss = 0.0         # part of the packets
        self.bits_per_second = 0    # of each direction of each cable; 0: no bound
        self.cut = set()        # IPs whose cable is out
        self.carried = 0
        self.lost = 0
        self.spaces = []
        self._quit = os.eventfd(0)
        self._random = random.Random(7)
        self._busy_until = {}
        try:
            for number in range(1, count + 1):
                self.spaces.append(Namespace(f"timed-{os.getpid()}-{number}", f"10.201.7.{number}"))
        except BaseException:
            for space in self.spaces:
                space.close()
            raise
        self._thread = threading.Thread(target=self._switch, daemon=True)
        self._thread.start()

    def close(self):
        os.eventfd_write(self._quit, 1)
        self._thread.join()
        os.close(self._quit)
        for space in self.spaces:
            space.close()

    def _switch(self):
        by_ip = {socket.inet_aton(space.ip): space for space in self.spaces}
        poll = select.poll()
        poll.register(self._quit, select.POLLIN)
        for space in self.spaces:
            poll.register(space.tun, select.POLLIN)
        waiting, order = [], 0
        while True:
            wait = max(0, waiting[0][0] - time.monotonic()) * 1000 if waiting else None
            for fd, _ in poll.poll(wait):
                if fd == self._quit:
                    return
                packet = os.read(fd, 65536)
                target = by_ip.get(packet[16:20]) if packet[0] >> 4 == 4 else None
                if target is None or not self._passes(packet):
                    continue
                order += 1
                due = self._leaves(packet) + self.delay + self._random.uniform(-self.jitter, self.jitter)
                heapq.heappush(waiting, (due, order, target.tun, packet))
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, tun, packet = heapq.heappop(waiting)
                self._deliver(tun, packet)

    def _passes(self, packet):
        ends = {socket.inet_ntoa(packet[12:16]), socket.inet_ntoa(packet[16:20])}
        if ends & self.cut or self._random.random() < self.loss:
            self.lost += 1
            return False
        if self.bits_per_second and self._busy_until.get(packet[12:20], 0) - time.monotonic() > QUEUE_S:
            self.lost += 1
            return False
        return True

    def _leaves(self, packet):
        """When the last bit of a packet is on its cable."""
        now = time.monotonic()
        if not self.bits_per_second:
            return now
        ends = packet[12:20]
        self._busy_until[ends] = max(now, self._busy_until.get(ends, 0)) + len(packet) * 8 / self.bits_per_second
        return self._busy_until[ends]

    def _deliver(self, tun, packet):
        try:
            os.write(tun, packet)
            self.carried += 1
        except OSError:
            self.lost += 1

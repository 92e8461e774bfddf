#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""network_ping.py ADDRESS FIRST LAST [STEP]: one echo of every size of payload, never fragmented, and what comes back is
what was sent. Prints how many; ends with 1 at the first that is lost three times, or is another one."""

import os
import select
import socket
import struct
import sys

TRIES = 3
PATIENCE = 5	# seconds that an answer may take; one that is lost costs as much


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Pinger:
    def __init__(self, address):
        self.six = ":" in address
        self.address = address
        self.ident = os.getpid() & 0xffff
        self.sequence = 0
        if self.six:
            self.socket = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
            self.socket.setsockopt(socket.IPPROTO_IPV6, 23, 2)	# IPV6_MTU_DISCOVER: do
        else:
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
            self.socket.setsockopt(socket.IPPROTO_IP, 10, 2)	# IP_MTU_DISCOVER: do

    def send(self, payload):
        self.sequence = (self.sequence + 1) & 0xffff
        kind = 128 if self.six else 8
        head = struct.pack("!BBHHH", kind, 0, 0, self.ident, self.sequence)
        if not self.six:	# of the other the kernel makes it
            head = struct.pack("!BBHHH", kind, 0, checksum(head + payload), self.ident, self.sequence)
        self.socket.sendto(head + payload, (self.address, 0))

    def answer(self):
        """The payload of the answer to the last one, or None."""
        kind = 129 if self.six else 0
        while select.select([self.socket], [], [], PATIENCE)[0]:
            data = self.socket.recv(1 << 17)
            if not self.six:
                data = data[4 * (data[0] & 15):]
            if data[0] == kind and struct.unpack("!HH", data[4:8]) == (self.ident, self.sequence):
                return data[8:]
        return None


def main():
    address, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    step = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    pinger, lost, count = Pinger(address), 0, 0
    pattern = os.urandom(last + 256)
    for size in sorted(set(range(first, last + 1, step)) | {last}):
        payload = pattern[size % 251:size % 251 + size]
        for _ in range(TRIES):
            pinger.send(payload)
            got = pinger.answer()
            if got is not None:
                break
            lost += 1
        if got != payload:
            what = "is lost" if got is None else "comes back as another"
            sys.exit(f"{address}: an echo of {size} bytes {what}")
        count += 1
    print(f"\t{count} echoes of {first} to {last} bytes by {address}, {lost} lost")


main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""network_flood.py ADDRESS SIZE [SEGMENTS [RATE]]: UDP to ADDRESS until it is killed, of SIZE bytes each, so many of them by
one call, as fast as it goes or RATE bytes a second. What the system refuses is tried again."""

import socket
import sys
import time

UDP_SEGMENT = 103


def main():
    address, size = sys.argv[1], int(sys.argv[2])
    segments = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    rate = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    if segments > 1:
        sock.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, size)
    data = bytes(size * segments)
    due = time.monotonic()
    while True:
        try:
            sock.sendto(data, (address, 9))
        except OSError:
            time.sleep(0.05)
        if rate:
            # what it could not send in time it does not make up for
            due = max(due + len(data) / rate, time.monotonic() - 0.1)
            time.sleep(max(due - time.monotonic(), 0))


main()

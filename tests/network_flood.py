#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""network_flood.py ADDRESS SIZE [SEGMENTS]: UDP to ADDRESS, as fast as it goes, of SIZE bytes each, so many of them by one
call; until it is killed. What the system refuses is tried again."""

import socket
import sys
import time

UDP_SEGMENT = 103


def main():
    address, size = sys.argv[1], int(sys.argv[2])
    segments = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    if segments > 1:
        sock.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, size)
    data = bytes(size * segments)
    while True:
        try:
            sock.sendto(data, (address, 9))
        except OSError:
            time.sleep(0.05)


main()

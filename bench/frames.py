#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""frames.py NETDEV ADDRESS SECONDS: logs each IPv4 frame that comes in there for ADDRESS, as fio logs a request: a line "ms, 0, 0,
bytes" by the kernel's clock, in ms since 1970, until SECONDS after the first one. The bytes are those of the frame."""

import ctypes
import socket
import struct
import sys

SO_TIMESTAMPNS_NEW = 64
SO_ATTACH_FILTER = 26
SO_RCVBUFFORCE = 33
WAIT = 30		# seconds for the first frame


def only_to(sock, address):
    """A filter in the kernel: Python would not keep up with all frames."""
    code = struct.pack("=HBBIHBBIHBBIHBBI",
                       0x20, 0, 0, 30,						# the destination's address
                       0x15, 0, 1, struct.unpack("!I", socket.inet_aton(address))[0],
                       0x06, 0, 0, 0x40000,
                       0x06, 0, 0, 0)
    program = ctypes.create_string_buffer(code)
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", 4, ctypes.addressof(program)))


def main():
    netdev, address, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    only_to(sock, address)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS_NEW, 1)
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
    sock.bind((netdev, 0x0800))
    sock.settimeout(WAIT)
    print("ready", file=sys.stderr, flush=True)
    end = None
    while True:
        frame, control, *_ = sock.recvmsg(65600, 64)
        seconds_part, ns_part = struct.unpack("=qq", control[0][2])
        when = seconds_part * 1000 + ns_part / 1e6
        end = end or when + seconds * 1000
        if when > end:
            return
        print(f"{when:.3f}, 0, 0, {len(frame)}")


main()

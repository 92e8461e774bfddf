#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""network_stream.py serve|connect ADDRESS PORT: TCP in both directions at once, of bytes that both ends know, until SIGTERM.
Ends with 1 where another byte comes than was due, or the connection breaks before that. (Between two offloading devices of
one machine nobody else computes a checksum.)"""

import random
import signal
import socket
import sys
import threading
import os

BLOCK = 65537
PATTERN = random.Random(1).randbytes(BLOCK) * 3


def end(status, message):
    print(f"{sys.argv[1]}: {message}", flush=True)
    os._exit(status)


def send(sock):
    at = 0
    try:
        while True:
            at = (at + sock.send(PATTERN[at:at + BLOCK])) % BLOCK
    except OSError as error:
        end(sys.argv[1] == "connect", f"sending: {error}")


def receive(sock):
    at = total = 0
    signal.signal(signal.SIGTERM, lambda *_: end(0, f"{total} bytes received"))
    while True:
        try:
            data = sock.recv(BLOCK)
        except OSError as error:
            end(sys.argv[1] == "connect", f"receiving: {error}")
        if not data:
            end(sys.argv[1] == "connect", f"the end, after {total} bytes")
        if data != PATTERN[at:at + len(data)]:
            end(1, f"another byte than was due, within {len(data)} after {total}")
        at = (at + len(data)) % BLOCK
        total += len(data)


def main():
    how, address, port = sys.argv[1:4]
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    if how == "serve":
        with socket.create_server((address, int(port)), family=family) as server:
            sock = server.accept()[0]
    else:
        sock = socket.socket(family)
        sock.connect((address, int(port)))
    threading.Thread(target=send, args=(sock,), daemon=True).start()
    receive(sock)


main()

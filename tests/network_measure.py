#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""network_measure.py COUNT SECONDS COUNTER...: how far each file of a counter goes on in each of COUNT windows, by the
kernel's clock. A line each: COUNTER DIFFERENCE LEAST MOST, with the least and the most of nanoseconds that may have passed."""

import sys
import time


def read(path):
    before = time.monotonic_ns()
    with open(path) as file:
        value = int(file.read())
    return value, before, time.monotonic_ns()


def main():
    count, seconds, paths = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    last = {path: read(path) for path in paths}
    for _ in range(count):
        time.sleep(seconds)
        for path in paths:
            now = read(path)
            old, last[path] = last[path], now
            print(path, now[0] - old[0], now[1] - old[2], now[2] - old[1], flush=True)


main()

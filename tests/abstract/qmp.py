#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""qmp.py SOCKET FILE [octal|talks]: answers as QEMU does of a VM with a balloon, whose size, in MiB, is written to FILE.
octal: says its size in a way that a shell does not take. talks: never answers, and never stops."""
import json
import socket
import sys
import time

server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
size = 512 << 20
how = "".join(sys.argv[3:])

while True:
    stream = server.accept()[0].makefile("rw")
    try:
        print('{"QMP": {"version": {}, "capabilities": []}}', file=stream, flush=True)
        while how == "talks":
            print('{"event": "RTC_CHANGE", "data": {"offset": 0}}', file=stream, flush=True)
            time.sleep(0.1)
        for line in stream:
            command = json.loads(line)
            returned = {}
            if command["execute"] == "balloon":
                size = command["arguments"]["value"]
                with open(sys.argv[2], "w", encoding="ascii") as file:
                    print(size >> 20, file=file)
                print('{"timestamp": {}, "event": "BALLOON_CHANGE", "data": {"actual": %d}}' % size, file=stream)
            elif command["execute"] == "query-balloon" and how == "octal":
                print('{"return": {"actual": 0999}}', file=stream, flush=True)
                continue
            elif command["execute"] == "query-balloon":
                returned = {"actual": size}
            print(json.dumps({"return": returned}), file=stream, flush=True)
    except (BrokenPipeError, ConnectionResetError):
        pass

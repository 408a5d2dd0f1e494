#!/usr/bin/env python3
"""Sends <count> jobs and does them, with the standard library: worker.py <host> <port> <channel> <count>"""
import http.client
import sys

host, port, channel, count = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
server = http.client.HTTPConnection(host, port)


def request(expected, method, path, body=None):
    server.request(method, path, body, {"content-type": "text/plain"} if body is not None else {})
    answer = server.getresponse()
    said = answer.read()
    if answer.status != expected:
        sys.exit(f"{method} {path}: {answer.status} {said.decode()}")
    return said, answer


for i in range(count):
    request(201, "PUT", f"/v1/queues/{channel}", f"job {i}".encode())
for _ in range(count):
    job, answer = request(200, "GET", f"/v1/queues/{channel}?wait=10s")
    print(job.decode())
    request(204, "POST", f"/v1/leases/{answer.headers['dropr-lease']}/0/ack")

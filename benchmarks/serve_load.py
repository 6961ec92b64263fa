#!/usr/bin/env python3
"""Load on `ethreed serve`: clients that ask one after the other, each on a connection of its own, until so many requests
are answered. Prints throughput, quantiles of the times, and the memory of the server at the start, after a tenth and at the end.

usage: benchmarks/serve_load.py ETHREED RUN [--clients 32] [--requests 10000] [--threads N] [--decode greedy] [--turns 3]
                                [--batch N] [--stream]
"""

import argparse
import http.client
import json
import os
import re
import subprocess
import threading
import time

POSTS = ["my dog ran away and i am sad", "i got the job that i wanted , can you believe it ?", "it was so loud last night",
         "my sister Marlowe won a prize in Zuzenhausen", "i do not know what to say"]


def metric(connection, name):
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    return float(re.search(rf"^{name}(?:{{.*}})? (\S+)", text, re.M).group(1))


def memory(connection):
    return metric(connection, "process_resident_memory_bytes") / 2**20


def client(port, numbers, body_of, times, statuses):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    for number in numbers:
        start = time.perf_counter()
        connection.request("POST", "/v1/reply", body_of(number), {"Content-Type": "application/json"})
        response = connection.getresponse()
        response.read()
        times[number] = time.perf_counter() - start
        statuses[number] = response.status
        if response.getheader("Connection") == "close":
            connection.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ethreed")
    parser.add_argument("run")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--decode", default="greedy")
    parser.add_argument("--batch", type=int, default=16, help="requests that the server answers together")
    parser.add_argument("--stream", action="store_true", help="word by word")
    parser.add_argument("--turns", type=int, default=3, help="utterances of the history")
    arguments = parser.parse_args()

    def body_of(number):
        history = [POSTS[(number + k) % len(POSTS)] for k in range(arguments.turns - arguments.turns % 2)]
        # A word that the vocabulary cannot have, another one each time: none of them may stay.
        text = f"{POSTS[number % len(POSTS)]} Xq{number}"
        return json.dumps({"text": text, "history": history, "decode": arguments.decode, "seed": number,
                           "stream": arguments.stream})

    server = subprocess.Popen([arguments.ethreed, "serve", arguments.run, "--port", "0", "--quiet", "--threads",
                               str(arguments.threads), "--queue", "256", "--batch",
                               str(arguments.batch)], stdout=subprocess.PIPE, text=True)
    try:
        port = int(re.search(r":(\d+)/", server.stdout.readline()).group(1))
        watch = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        warm = {}
        client(port, range(100), body_of, warm, {})
        at_start, steps_alone = memory(watch), metric(watch, "ethreed_decoder_steps_total")
        watch.close()
        times, statuses = [0.0] * arguments.requests, [0] * arguments.requests
        tenth, passed, memories = arguments.requests // 10, 0.0, []
        for first, last in ((0, tenth), (tenth, arguments.requests)):
            threads = [threading.Thread(target=client, args=(port, range(first + c, last, arguments.clients), body_of, times,
                                                             statuses)) for c in range(arguments.clients)]
            start = time.perf_counter()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            passed += time.perf_counter() - start
            watch = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
            memories.append(memory(watch))
            steps = metric(watch, "ethreed_decoder_steps_total") - steps_alone
            watch.close()
    finally:
        server.terminate()
        status = server.wait(60)
    good = sum(one == 200 for one in statuses)
    times.sort()
    quantile = lambda share: 1000 * times[min(len(times) - 1, int(share * len(times)))]
    print(f"{arguments.requests} requests of {arguments.clients} clients, {good} answered with 200, server ended with {status}")
    print(f"one alone: {1000 * sorted(warm.values())[50]:.1f} ms (median of 100)")
    print(f"throughput {arguments.requests / passed:.0f} requests/s; p50 {quantile(.5):.1f} ms, p95 {quantile(.95):.1f} ms, "
          f"p99 {quantile(.99):.1f} ms")
    print(f"steps of the decoder for each reply: {steps_alone / 100:.2f} alone, {steps / arguments.requests:.2f} of all")
    print(f"memory of the server: {at_start:.1f} MiB after 100 requests of one client, {memories[0]:.1f} MiB after "
          f"{tenth} of all, {memories[1]:.1f} MiB at the end")
    return 0 if good == arguments.requests and status == 0 else 1


if __name__ == "__main__":
    raise SystemExit(main())

"""What `make bench` runs: one table, with the machine's own limits measured in the same run.

    bench.py WEIR BENCHMARKS RDKAFKA_LOAD [--messages N] [--json FILE] [--only PARTS]

BENCHMARKS is the folder of the benchmarks of single modules: programs that print `name = value` lines.

Servers and clients are processes of their own on loopback. CPU is user and system time of the server's process,
from /proc; throughput is wall-clock and noisy on shared machines: read the ratios.
"""
import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

parser = argparse.ArgumentParser()
parser.add_argument("weir")
parser.add_argument("benchmarks")
parser.add_argument("load")
parser.add_argument("--messages", type=int, default=1_000_000)
parser.add_argument("--json")
parser.add_argument("--only", help="which parts, with commas: machine,gates,consensus,objects,start,throughput,mock,latency,recovery,groups,cleaner")
arguments = parser.parse_args()
tick = os.sysconf("SC_CLK_TCK")
results = {}


def row(name, value):
    results[name] = value
    print(f"{name:<58} {value}", flush=True)


class Node:
    """`weir serve` on free ports in a temporary folder."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="weir-bench-")
        self.start()

    def start(self):
        """Starts the process; returns the seconds to its ready line."""
        command = [arguments.weir, "serve", "--data-dir", self.folder.name, "--kafka-port", "0", "--http-port", "0"]
        begin = time.monotonic()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        words = self.process.stdout.readline().split()
        self.kafka = words[1].split("=")[1]
        return time.monotonic() - begin

    def kill(self):
        self.process.kill()
        self.process.wait(60)

    def cpu(self):
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / tick

    def resident(self):
        with open(f"/proc/{self.process.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def stop(self):
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(60)
        self.folder.cleanup()
        if status != 0:
            sys.exit(f"bench: the node ended with {status}")
        return time.monotonic() - begin


def load(*words):
    output = subprocess.run([arguments.load, *map(str, words)], capture_output=True, text=True)
    if output.returncode != 0:
        sys.exit(f"bench: {words}: {output.stdout}{output.stderr}")
    return json.loads(output.stdout)


def topic(node, name, *configuration):
    """Makes a topic."""
    words = [arguments.weir, "topic", "create", name, "--bootstrap", node.kafka]
    for setting in configuration:
        words += ["--config", setting]
    subprocess.run(words, check=True, capture_output=True)


def machine():
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "unknown")
    row("machine: cores, model", f"{os.cpu_count()}, {model}")
    with tempfile.NamedTemporaryFile() as file:
        block = b"x" * 4096
        file.write(block * 1000)
        os.fsync(file.fileno())
        waits = []
        for index in range(300):
            begin = time.perf_counter()
            os.pwrite(file.fileno(), block, index * 4096)
            os.fdatasync(file.fileno())
            waits.append(time.perf_counter() - begin)
    row("machine: 4 KiB write + fdatasync, preallocated, p50", f"{statistics.median(waits) * 1e6:.0f} us")
    left, right = socket.socketpair()
    threading.Thread(target=lambda: [right.sendall(right.recv(64)) for _ in range(3000)], daemon=True).start()
    waits = []
    for _ in range(3000):
        begin = time.perf_counter()
        left.sendall(b"x" * 64)
        left.recv(64)
        waits.append(time.perf_counter() - begin)
    row("machine: 64 B there and back between two threads, p50", f"{statistics.median(waits) * 1e6:.0f} us")


def program(name, *words):
    """Takes over the figures of a benchmark that prints `name = value` lines, as they come."""
    command = [os.path.join(arguments.benchmarks, name), *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            what, separator, value = line.partition(" = ")
            if separator:
                row(what.strip(), value.strip())
    if process.returncode != 0:
        sys.exit(f"bench: {name} ended with {process.returncode}")


def cleaner():
    """A pass of compaction over a gigabyte of a million keys, while the log is appended to."""
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
        program("cleaner-benchmark", os.path.join(folder, "logs"))


def objects():
    """The object store's backends, its watches, tracking, reconcilers, and what a program pays to start with it."""
    program("object-benchmark")
    program("sqlite-benchmark")
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
        program("object-log-benchmark", os.path.join(folder, "objects"))
    program("tracking-benchmark")
    program("reconcile-benchmark")
    program("start-benchmark")


def start_up():
    """exec to the first acknowledged produce, by a client that is there already and asks until it is answered."""
    waits, resident, exits = [], [], []
    for _ in range(5):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
            begin = time.monotonic()
            process = subprocess.Popen(
                [arguments.weir, "serve", "--data-dir", folder, "--kafka-port", str(port), "--http-port", "0"],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            first_produce(port)
            waits.append(time.monotonic() - begin)
            time.sleep(0.5)
            with open(f"/proc/{process.pid}/statm") as file:
                resident.append(int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
            begin = time.monotonic()
            process.send_signal(signal.SIGTERM)
            process.wait(30)
            exits.append(time.monotonic() - begin)
    row("exec to first acknowledged produce, median of 5", f"{statistics.median(waits) * 1e3:.0f} ms")
    row("idle RSS, median of 5", f"{statistics.median(resident) / 1e6:.1f} MB")
    row("SIGTERM to exit, idle, median of 5", f"{statistics.median(exits) * 1e3:.1f} ms")


def request(api, version, body):
    header = api.to_bytes(2, "big") + version.to_bytes(2, "big") + (1).to_bytes(4, "big") + b"\x00\x05bench"
    return (len(header + body)).to_bytes(4, "big") + header + body


def first_produce(port):
    """Metadata (which makes the topic) and one batch, over a plain socket."""
    from kafka.record.default_records import DefaultRecordBatchBuilder
    builder = DefaultRecordBatchBuilder(2, 0, False, -1, -1, -1, 1 << 20)
    builder.append(0, 0, None, b"first", [])
    batch = bytes(builder.build())
    metadata = request(3, 4, b"\x00\x00\x00\x01\x00\x05bench\x01")
    produce = request(0, 3, b"\xff\xff\xff\xff" + (10000).to_bytes(4, "big") + b"\x00\x00\x00\x01\x00\x05bench"
                      + b"\x00\x00\x00\x01" + b"\x00\x00\x00\x00" + len(batch).to_bytes(4, "big") + batch)
    while True:
        try:
            connection = socket.create_connection(("127.0.0.1", port))
            break
        except ConnectionRefusedError:
            time.sleep(0.0005)

    def answer(bytes_):
        connection.sendall(bytes_)
        length = int.from_bytes(connection.recv(4, socket.MSG_WAITALL), "big")
        return connection.recv(length, socket.MSG_WAITALL)

    while True:
        answer(metadata)
        # correlation id 4, topics 4, name 7, partitions 4, partition 4, error 2
        body = answer(produce)
        if body[23:25] == b"\x00\x00":
            return


def throughput():
    for mode in ["memory", "fsync"]:
        for size in [100, 256, 1024]:
            node = Node()
            name = f"bench-{mode}-{size}"
            topic(node, name, f"weir.durability={mode}")
            count = arguments.messages if size < 1024 else arguments.messages // 2
            load("produce", node.kafka, name, 50_000, size, "all")
            before = node.cpu()
            made = load("produce", node.kafka, name, count, size, "all")
            cost = (node.cpu() - before) / count * 1e6
            rate = made["messages"] / made["seconds"]
            results[f"rate {mode} {size}"] = rate
            row(f"produce {size:>4} B, durability {mode}, acks=all", f"{rate / 1e3:.0f} k/s, server {cost:.2f} us/message")
            before = node.cpu()
            read = load("consume", node.kafka, name, count)
            cost = (node.cpu() - before) / count * 1e6
            row(f"consume {size:>4} B", f"{read['messages'] / read['seconds'] / 1e3:.0f} k/s, server {cost:.2f} us/message")
            node.stop()


def against_mock():
    """The same client against librdkafka's own in-memory mock broker, in a process of its own, in turn with Weir."""
    ratios, syncs = [], []
    for _ in range(3):
        mock = subprocess.Popen([arguments.load, "mock"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, text=True)
        bootstrap = mock.stdout.readline().strip()
        rates = {}
        load("produce", bootstrap, "bench", 50_000, 256, "all")
        made = load("produce", bootstrap, "bench", arguments.messages, 256, "all")
        rates["mock"] = made["messages"] / made["seconds"]
        mock.stdin.close()
        mock.wait(10)
        node = Node()
        for mode in ["memory", "fsync"]:
            topic(node, mode, f"weir.durability={mode}")
            load("produce", node.kafka, mode, 50_000, 256, "all")
            made = load("produce", node.kafka, mode, arguments.messages, 256, "all")
            rates[mode] = made["messages"] / made["seconds"]
        node.stop()
        ratios.append(rates["memory"] / rates["mock"])
        syncs.append(rates["fsync"] / rates["memory"])
    row("produce 256 B, memory / mock broker, median of 3", f"{statistics.median(ratios):.2f}")
    row("produce 256 B, fsync / memory, median of 3", f"{statistics.median(syncs):.2f}")


def latency():
    node = Node()
    for mode in ["memory", "fsync"]:
        topic(node, mode, f"weir.durability={mode}")
        one = load("latency", node.kafka, mode, 2000, 256)
        row(f"latency, one outstanding, acks=all, {mode}", f"p50 {one['p50'] * 1e6:.0f} us, p99 {one['p99'] * 1e6:.0f} us")
    node.stop()


def recovery():
    """From exec to the ready line after a SIGKILL while a producer runs: with little and with much in the log."""
    for size, count in [("10 MB", 10_000), ("1 GB", 1_000_000)]:
        node = Node()
        topic(node, "bench")
        load("produce", node.kafka, "bench", count, 1024, "all")
        client = subprocess.Popen([arguments.load, "produce", node.kafka, "bench", "10000000", "1024", "all"],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.3)
        node.kill()
        client.kill()
        client.wait(10)
        logs = os.path.join(node.folder.name, "topics", "bench-0")
        held = sum(os.path.getsize(os.path.join(logs, name)) for name in os.listdir(logs))
        row(f"restart after SIGKILL under load, {size} written first",
            f"{node.start() * 1e3:.0f} ms to ready, {held / 1e6:.0f} MB of files")
        node.stop()


def group_costs():
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import groups

    node = Node()
    groups.measure(node, row)
    node.stop()


parts = {
    "machine": machine,
    "gates": lambda: program("gate-benchmark"),
    "consensus": lambda: program("raft-benchmark"),
    "objects": objects,
    "start": start_up,
    "throughput": throughput,
    "mock": against_mock,
    "latency": latency,
    "recovery": recovery,
    "groups": group_costs,
    "cleaner": cleaner,
}
chosen = arguments.only.split(",") if arguments.only else list(parts)
if unknown := [name for name in chosen if name not in parts]:
    sys.exit(f"bench: no part is called {', '.join(unknown)}; there are {', '.join(parts)}")
for name in chosen:
    parts[name]()
if arguments.json:
    with open(arguments.json, "w") as file:
        json.dump(results, file, indent=1)

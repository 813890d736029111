"""A group of librdkafka consumers that tells what a restart of the broker did to it.

    group_members.py BOOTSTRAP TOPIC GROUP --members 20 --protocol classic|consumer

Prints `stable {...}` when every partition has an owner and nothing moved for --quiet-s. Then it waits for a line on
its standard input, after which a record goes to each partition and must be read by who had it before; prints one JSON
line: what was called back in between, who changed, what was not read.
"""
import argparse
import json
import sys
import threading
import time

from confluent_kafka import Consumer, Producer

parser = argparse.ArgumentParser()
parser.add_argument("bootstrap")
parser.add_argument("topic")
parser.add_argument("group")
parser.add_argument("--members", type=int, default=20)
parser.add_argument("--protocol", default="classic")
parser.add_argument("--session-ms", type=int, default=10000)
parser.add_argument("--quiet-s", type=float, default=2)
parser.add_argument("--patience", type=float, default=40)
arguments = parser.parse_args()

lock = threading.Lock()
stopping = threading.Event()


class Member(threading.Thread):
    def __init__(self, number):
        super().__init__(daemon=True)
        self.number, self.owned, self.calls, self.errors, self.read = number, set(), [], [], []
        self.changed = time.monotonic()
        settings = {
            "bootstrap.servers": arguments.bootstrap, "group.id": arguments.group, "client.id": f"member-{number}",
            "auto.offset.reset": "earliest", "enable.auto.commit": True, "auto.commit.interval.ms": 200,
            "reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 200, "log_level": 0,
            "group.protocol": arguments.protocol,
        }
        if arguments.protocol == "classic":
            settings |= {"session.timeout.ms": arguments.session_ms, "heartbeat.interval.ms": 1000,
                         "partition.assignment.strategy": "cooperative-sticky"}
        self.consumer = Consumer(settings)
        self.consumer.subscribe([arguments.topic], on_assign=self.on_assign, on_revoke=self.on_revoke,
                                on_lost=self.on_lost)

    def note(self, kind, partitions):
        self.calls.append([kind, sorted(p.partition for p in partitions)])
        self.changed = time.monotonic()

    def on_assign(self, consumer, partitions):
        with lock:
            self.note("assigned", partitions)
            self.owned |= {p.partition for p in partitions}
        consumer.incremental_assign(partitions)

    def on_revoke(self, consumer, partitions):
        with lock:
            self.note("revoked", partitions)
            self.owned -= {p.partition for p in partitions}
        consumer.incremental_unassign(partitions)

    def on_lost(self, consumer, partitions):
        with lock:
            self.note("lost", partitions)
            self.owned -= {p.partition for p in partitions}
        consumer.incremental_unassign(partitions)

    def run(self):
        while not stopping.is_set():
            message = self.consumer.poll(0.1)
            if message is None:
                continue
            with lock:
                if message.error() is not None:
                    self.errors.append(str(message.error()))
                else:
                    self.read.append((message.partition(), message.value().decode()))
        self.consumer.close()


def wait(condition, what):
    deadline = time.monotonic() + arguments.patience
    while True:
        with lock:
            if condition():
                return
            state = [sorted(m.owned) for m in members]
        if time.monotonic() > deadline:
            sys.exit(f"group_members: not within {arguments.patience} s: {what}; owned: {state}, "
                     f"errors: {sum((m.errors for m in members), [])[:5]}")
        time.sleep(0.05)


producer = Producer({"bootstrap.servers": arguments.bootstrap, "acks": "all", "log_level": 0,
                     "reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 200})
count = len(producer.list_topics(arguments.topic, 10).topics[arguments.topic].partitions)


def produce(text):
    for partition in range(count):
        producer.produce(arguments.topic, text, partition=partition)
    if producer.flush(arguments.patience):
        sys.exit("group_members: records were not taken")


def all_read(text):
    return {p for m in members for p, value in m.read if value == text} == set(range(count))


produce("before")
members = [Member(number) for number in range(arguments.members)]
for member in members:
    member.start()
wait(lambda: sorted(p for m in members for p in m.owned) == list(range(count))
     and time.monotonic() - max(m.changed for m in members) > arguments.quiet_s and all_read("before"), "every partition has an owner")
with lock:
    before = {m.number: sorted(m.owned) for m in members}
    for member in members:
        member.calls, member.errors = [], []
print("stable", json.dumps({"partitions": count, "members": len(members)}), flush=True)

sys.stdin.readline()
produce("after")
wait(lambda: all_read("after"), "every partition is read again")
# Longer than a heartbeat: whoever was told to come back anew has heard it by then.
time.sleep(arguments.quiet_s + 1)
with lock:
    after = {m.number: sorted(m.owned) for m in members}
    strangers = [p for m in members for p, value in m.read if value == "after" and p not in before[m.number]]
    print(json.dumps({
        "calls": [[m.number] + call for m in members for call in m.calls],
        "ownerChanges": sum(before[n] != after[n] for n in before),
        "readByOthers": strangers,
        "errors": sorted({error for m in members for error in m.errors})[:5],
    }), flush=True)
stopping.set()
for member in members:
    member.join(10)

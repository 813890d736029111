"""A member of a group that commits as fast as it may, and writes down what was acknowledged.

    group_commits.py BOOTSTRAP TOPIC GROUP

Commits offset 1, 2, 3 … for every partition in turns, each commit waited for. Ends when its standard input closes and
prints one JSON line: the last acknowledged and the last tried offset of each partition, and how many commits it made.
"""
import json
import sys
import threading
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

bootstrap, topic, group = sys.argv[1:4]
stopping = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), stopping.set()), daemon=True).start()

assigned = []
consumer = Consumer({
    "bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False, "auto.offset.reset": "earliest",
    "session.timeout.ms": 10000, "heartbeat.interval.ms": 1000, "reconnect.backoff.ms": 20,
    "reconnect.backoff.max.ms": 200, "log_level": 0,
})
rebalances = 0


def on_assign(_, partitions):
    global assigned, rebalances
    rebalances += 1
    assigned = [p.partition for p in partitions]


consumer.subscribe([topic], on_assign=on_assign)
deadline = time.monotonic() + 30
while not assigned:
    consumer.poll(0.1)
    if time.monotonic() > deadline:
        sys.exit("group_commits: nothing was assigned within 30 s")
print("started", flush=True)
tried, acknowledged, commits, refused = {}, {}, 0, {}
offset = 0
while not stopping.is_set():
    offset += 1
    for partition in sorted(assigned):
        tried[partition] = offset
        # The same offset until it is taken: what is acknowledged later is never smaller.
        while not stopping.is_set():
            try:
                consumer.commit(offsets=[TopicPartition(topic, partition, offset)], asynchronous=False)
                acknowledged[partition] = offset
                commits += 1
                break
            except KafkaException as error:
                name = error.args[0].name()
                refused[name] = refused.get(name, 0) + 1
                if error.args[0].code() in (KafkaError.UNKNOWN_MEMBER_ID, KafkaError.ILLEGAL_GENERATION,
                                            KafkaError.FENCED_INSTANCE_ID):
                    sys.exit(f"group_commits: the member was lost: {error}")
                consumer.poll(0.05)
    consumer.poll(0)
    if offset % 20 == 0:
        print("committed", offset, flush=True)
print(json.dumps({"acknowledged": {str(p): o for p, o in acknowledged.items()},
                  "tried": {str(p): o for p, o in tried.items()},
                  "commits": commits, "rebalances": rebalances, "refused": refused}), flush=True)
consumer.close()

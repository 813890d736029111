"""Reads a topic from start to end as a reader of committed records, one line `partition offset value` each.

    read_committed.py BOOTSTRAP TOPIC [--uncommitted]

The end is where the partitions ended when it began: what is still open there keeps it waiting for twenty seconds.
"""
import argparse
import sys
import time

from confluent_kafka import Consumer, KafkaError, TopicPartition

parser = argparse.ArgumentParser()
parser.add_argument("bootstrap")
parser.add_argument("topic")
parser.add_argument("--uncommitted", action="store_true")
parser.add_argument("--patience", type=float, default=20)
arguments = parser.parse_args()

settings = {"bootstrap.servers": arguments.bootstrap, "group.id": "unused", "enable.auto.commit": False,
            "auto.offset.reset": "error", "log_level": 0, "reconnect.backoff.max.ms": 200}
watermarks = Consumer(settings | {"isolation.level": "read_uncommitted"})
reader = Consumer(settings | {"isolation.level": "read_uncommitted" if arguments.uncommitted else "read_committed"})
partitions = [TopicPartition(arguments.topic, number)
              for number in watermarks.list_topics(arguments.topic, 10).topics[arguments.topic].partitions]
ends = {p.partition: watermarks.get_watermark_offsets(p, 10) for p in partitions}
reader.assign([TopicPartition(p.topic, p.partition, ends[p.partition][0]) for p in partitions])
heard = time.monotonic()
while True:
    at = {p.partition: p.offset for p in reader.position(partitions)}
    # Before anything was read the position is none.
    if all(low == high or at[n] >= high for n, (low, high) in ends.items()):
        break
    messages = reader.consume(1000, 0.1)
    if messages:
        heard = time.monotonic()
    elif time.monotonic() - heard > arguments.patience:
        sys.exit(f"read_committed: nothing came for {arguments.patience} seconds; at {at} of {ends}")
    for message in messages:
        if message.error() is None:
            print(message.partition(), message.offset(), message.value().decode())
        elif message.error().code() != KafkaError._PARTITION_EOF:
            sys.exit(f"read_committed: {message.error()}")
reader.close()
watermarks.close()

"""Consumes, transforms and produces in transactions: as Kafka's documentation tells to, with librdkafka.

    transform.py BOOTSTRAP INPUT OUTPUT GROUP COUNT [--transactional-id ID]

Each record of INPUT becomes one of OUTPUT ("n" becomes "n*2"), its offset committed in the same transaction. Ends when
the group has committed COUNT records; prints `transformed N` now and then, and one JSON line at its end.
"""
import argparse
import json
import sys
import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

parser = argparse.ArgumentParser()
for name in ("bootstrap", "input", "output", "group"):
    parser.add_argument(name)
parser.add_argument("count", type=int)
parser.add_argument("--transactional-id", default="transform")
parser.add_argument("--patience", type=float, default=60)
parser.add_argument("--recovery", choices=["rebootstrap", "none"], default="rebootstrap")
arguments = parser.parse_args()

common = {"bootstrap.servers": arguments.bootstrap, "log_level": 0, "reconnect.backoff.ms": 20,
          "reconnect.backoff.max.ms": 200, "metadata.recovery.strategy": arguments.recovery}
stats = {"transactions": 0, "aborted": 0, "producers": 0, "errors": {}}
deadline = time.monotonic() + arguments.patience


def expired(what):
    if time.monotonic() > deadline:
        sys.exit(f"transform: not within {arguments.patience} s: {what}; {stats}")


def count(error):
    name = error.args[0].name()
    stats["errors"][name] = stats["errors"].get(name, 0) + 1


def make_producer():
    """A producer with the id, however often it takes."""
    while True:
        expired("a producer")
        producer = Producer(common | {
            "transactional.id": arguments.transactional_id, "transaction.timeout.ms": 20000, "linger.ms": 2})
        stats["producers"] += 1
        try:
            until_done(producer.init_transactions, 5)
            return producer
        except KafkaException as error:
            count(error)


def until_done(call, *words):
    while True:
        expired(call.__name__)
        try:
            return call(*words)
        except KafkaException as error:
            count(error)
            if not error.args[0].retriable():
                raise


def rewind():
    """Back to what the group committed."""
    partitions = consumer.assignment()
    for place in until_done(consumer.committed, partitions, 5):
        consumer.seek(TopicPartition(place.topic, place.partition, max(0, place.offset)))


consumer = Consumer(common | {
    "group.id": arguments.group, "enable.auto.commit": False, "auto.offset.reset": "earliest",
    "isolation.level": "read_committed", "session.timeout.ms": 20000, "heartbeat.interval.ms": 1000,
})
consumer.subscribe([arguments.input])
producer = make_producer()
done = 0
while done < arguments.count:
    expired(f"{done} of {arguments.count} records")
    messages = [m for m in consumer.consume(50, 0.2) if m.error() is None]
    if not messages:
        continue
    try:
        producer.begin_transaction()
        for message in messages:
            producer.produce(arguments.output, f"{int(message.value()) * 2}", key=message.value())
        offsets = {}
        for message in messages:
            offsets[message.partition()] = max(offsets.get(message.partition(), 0), message.offset() + 1)
        until_done(producer.send_offsets_to_transaction,
                   [TopicPartition(arguments.input, p, o) for p, o in offsets.items()],
                   consumer.consumer_group_metadata(), 5)
        until_done(producer.commit_transaction, 5)
        stats["transactions"] += 1
        done += len(messages)
        print("transformed", done, flush=True)
    except KafkaException as error:
        count(error)
        stats["aborted"] += 1
        if error.args[0].txn_requires_abort():
            try:
                until_done(producer.abort_transaction, 5)
            except KafkaException as failure:
                count(failure)
                producer = make_producer()
        else:
            # Fatal, or the outcome is unknown: the next producer of this id finds out.
            producer = make_producer()
        rewind()
        done = sum(max(0, p.offset) for p in until_done(consumer.committed, consumer.assignment(), 5))
consumer.close()
print(json.dumps(stats), flush=True)

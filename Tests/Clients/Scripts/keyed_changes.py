"""Changes keys of a compacted topic until its standard input closes, and then reads whether it holds what was written last.

    keyed_changes.py BOOTSTRAP TOPIC

A thousand keys get values and tombstones from an idempotent producer; another writes to the same keys in transactions
that it aborts. Prints `written N` now and then. At the end it waits until compaction has left a tenth of what was
written, and prints one JSON line: how many changes were acknowledged, how many records a reader of committed records
found, how many keys it found otherwise than they were written last, and what a record without a key was answered.
"""
import json
import random
import sys
import threading
import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

bootstrap, topic = sys.argv[1:3]
settings = {"bootstrap.servers": bootstrap, "log_level": 0, "reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 200}
stopping = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), stopping.set()), daemon=True).start()
generator = random.Random(11)
last, acknowledged, failures = {}, 0, []


def abort_for_ever():
    """Transactions that come to nothing. What ends one is not of interest, only that nobody reads of it."""
    number = 0
    while not stopping.is_set():
        try:
            producer = Producer(settings | {"transactional.id": "in-vain", "linger.ms": 5})
            producer.init_transactions(10)
            while not stopping.is_set():
                producer.begin_transaction()
                for _ in range(50):
                    number += 1
                    producer.produce(topic, b"in vain", key=f"key-{number % 1000}".encode(), partition=0)
                producer.flush(10)
                producer.abort_transaction(10)
        except KafkaException:
            time.sleep(0.05)


def delivered(error, _):
    global acknowledged
    if error is None:
        acknowledged += 1
    else:
        failures.append(str(error))


def read():
    """What is there: how many records, and the last value of each key."""
    reader = Consumer(settings | {"group.id": "unused", "enable.auto.commit": False, "auto.offset.reset": "error",
                                  "isolation.level": "read_committed", "enable.partition.eof": True})
    low, _ = reader.get_watermark_offsets(TopicPartition(topic, 0), 10)
    reader.assign([TopicPartition(topic, 0, low)])
    found, count = {}, 0
    while True:
        message = reader.poll(20)
        if message is None:
            sys.exit("keyed_changes: nothing came for 20 s")
        if message.error() is not None:
            break
        count += 1
        found[message.key()] = message.value()
    reader.close()
    return count, {key: value for key, value in found.items() if value is not None}


aborter = threading.Thread(target=abort_for_ever, daemon=True)
aborter.start()
# A batch must fit into a segment, and segments are small here.
producer = Producer(settings | {"enable.idempotence": True, "linger.ms": 5, "queue.buffering.max.messages": 2000,
                                "batch.size": 32768})
number = 0
while not stopping.is_set():
    number += 1
    key = f"key-{generator.randrange(1000)}".encode()
    value = None if generator.random() < 0.2 else f"{number} ".encode() + generator.randbytes(500)
    last[key] = value
    while True:
        try:
            producer.produce(topic, value, key=key, partition=0, on_delivery=delivered)
            break
        except BufferError:
            producer.poll(0.05)
    producer.poll(0)
    if number % 2000 == 0:
        producer.flush(60)
        print("written", number, flush=True)
producer.flush(60)
aborter.join(30)

answers = []
producer.produce(topic, b"has no key", partition=0, on_delivery=lambda error, _: answers.append(error and error.name()))
producer.flush(30)

expected = {key: value for key, value in last.items() if value is not None}
deadline = time.monotonic() + 60
while True:
    count, found = read()
    if count * 10 <= number or time.monotonic() > deadline:
        break
    # What is in the last segment is not cleaned; a few more changes begin another.
    for key, value in list(last.items())[:200]:
        producer.produce(topic, value, key=key, partition=0, on_delivery=delivered)
        number += 1
    producer.flush(60)
wrong = sum(found.get(key) != expected.get(key) for key in found.keys() | expected.keys())
print(json.dumps({"written": number, "acknowledged": acknowledged, "read": count, "keys": len(expected), "wrong": wrong,
                  "keyless": answers[0] if answers else None, "failures": failures[:3]}), flush=True)

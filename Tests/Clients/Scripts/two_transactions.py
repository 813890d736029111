"""Two transactions of one producer with the client's own settings: one before its standard input closes, one after.

    two_transactions.py BOOTSTRAP INPUT OUTPUT GROUP

Each commits an offset of the group. Prints `first`, and at the end one JSON line: how long the second took, in seconds.
"""
import json
import sys
import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

bootstrap, source, target, group = sys.argv[1:5]
producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": "two", "log_level": 0})
producer.init_transactions(30)
member = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "log_level": 0}).consumer_group_metadata()


def until_done(call, *words):
    while True:
        try:
            return call(*words)
        except KafkaException as error:
            if not error.args[0].retriable():
                raise


def transact(offset):
    producer.begin_transaction()
    producer.produce(target, f"{offset}")
    until_done(producer.send_offsets_to_transaction, [TopicPartition(source, 0, offset)], member, 30)
    until_done(producer.commit_transaction, 30)


transact(1)
print("first", flush=True)
sys.stdin.read()
began = time.monotonic()
transact(2)
print(json.dumps({"seconds": time.monotonic() - began}), flush=True)

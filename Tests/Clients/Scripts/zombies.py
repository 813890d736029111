"""Producers that others took their transactional id from, and one that dies in the middle.

    zombies.py fenced BOOTSTRAP TOPIC     the first of two producers with one id must not get anything through
    zombies.py hang BOOTSTRAP TOPIC       opens a transaction with a timeout of 3 s, prints `open`, and waits to be killed
"""
import json
import sys

from confluent_kafka import KafkaError, KafkaException, Producer

mode, bootstrap, topic = sys.argv[1:4]


def make(timeout=60000):
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": f"zombie-{mode}", "log_level": 0,
                         "transaction.timeout.ms": timeout})
    producer.init_transactions(20)
    return producer


first = make(3000 if mode == "hang" else 60000)
first.begin_transaction()
first.produce(topic, "first")
if first.flush(20):
    sys.exit("zombies: the record was not taken")
if mode == "hang":
    print("open", flush=True)
    sys.stdin.read()
    sys.exit()

second = make()
outcome = []
try:
    first.produce(topic, "first again")
    first.commit_transaction(20)
    outcome.append("committed")
except KafkaException as error:
    outcome += [error.args[0].name(), error.args[0].fatal()]
second.begin_transaction()
second.produce(topic, "second")
second.commit_transaction(20)
print(json.dumps({"zombie": outcome}), flush=True)

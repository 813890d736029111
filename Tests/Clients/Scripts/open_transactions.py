"""Transactions that stay open while the broker restarts, and then end as their producers want.

    open_transactions.py BOOTSTRAP TOPIC --count 5

Opens them, each with ten records in it, prints `open`, waits for a line on its standard input, adds one more record
each, commits those with even numbers and aborts the others. Prints one JSON line: which values must be visible.
"""
import argparse
import json
import sys

from confluent_kafka import KafkaException, Producer

parser = argparse.ArgumentParser()
parser.add_argument("bootstrap")
parser.add_argument("topic")
parser.add_argument("--count", type=int, default=5)
parser.add_argument("--prefix", default="open")
arguments = parser.parse_args()


def again(call, *words):
    """Until it is done: what passes is tried again, as Kafka's clients are told to."""
    for _ in range(100):
        try:
            return call(*words)
        except KafkaException as error:
            if not error.args[0].retriable():
                raise
    sys.exit(f"open_transactions: {call} does not get done")


producers, failures = [], []
for number in range(arguments.count):
    producer = Producer({
        "bootstrap.servers": arguments.bootstrap, "transactional.id": f"{arguments.prefix}-{number}", "log_level": 0,
        "transaction.timeout.ms": 60000, "reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 200,
    })
    again(producer.init_transactions, 20)
    producer.begin_transaction()
    for record in range(10):
        producer.produce(arguments.topic, f"{arguments.prefix}-{number}/{record}")
    if producer.flush(20):
        sys.exit("open_transactions: records were not taken")
    producers.append(producer)
print("open", flush=True)

sys.stdin.readline()
visible = []
for number, producer in enumerate(producers):
    try:
        producer.produce(arguments.topic, f"{arguments.prefix}-{number}/10")
        if number % 2 == 0:
            again(producer.commit_transaction, 20)
            visible += [f"{arguments.prefix}-{number}/{record}" for record in range(11)]
        else:
            again(producer.abort_transaction, 20)
    except KafkaException as error:
        failures.append(f"{arguments.prefix}-{number}: {error}")
print(json.dumps({"visible": sorted(visible), "failures": failures}), flush=True)

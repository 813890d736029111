"""Produces numbered messages as fast as it may, and writes down what was acknowledged.

    produce_forever.py BOOTSTRAP TOPIC ACKNOWLEDGED_FILE [--first N] [--partition P] [--count N] [--size BYTES] ...

An idempotent librdkafka producer with acks=all. Each acknowledgement becomes one line `sequence offset` of
the file, written when the delivery report comes. It ends when its standard input closes (nothing is produced
after that, what is in flight is waited for), or after --count messages, and prints one JSON line.
"""
import argparse
import json
import sys
import threading
import time

from confluent_kafka import Producer

parser = argparse.ArgumentParser()
parser.add_argument("bootstrap")
parser.add_argument("topic")
parser.add_argument("acknowledged")
parser.add_argument("--first", type=int, default=0)
parser.add_argument("--partition", type=int, default=0)
parser.add_argument("--count", type=int, default=0)
parser.add_argument("--size", type=int, default=100)
parser.add_argument("--progress", type=int, default=2000)
parser.add_argument("--batch-size", type=int, default=1_000_000)
parser.add_argument("--patience", type=float, default=60)
arguments = parser.parse_args()

stopping = threading.Event()
if not arguments.count:
    threading.Thread(target=lambda: (sys.stdin.read(), stopping.set()), daemon=True).start()

failed = []
acknowledged = 0
out = open(arguments.acknowledged, "a", buffering=1 << 16)


def report(error, message):
    global acknowledged
    if error is not None:
        failed.append(str(error))
        return
    acknowledged += 1
    out.write(f"{int(message.value()[:12])} {message.offset()}\n")
    if acknowledged % arguments.progress == 0:
        print("acknowledged", acknowledged, flush=True)


producer = Producer({
    "bootstrap.servers": arguments.bootstrap,
    "enable.idempotence": True,
    "acks": "all",
    "linger.ms": 1,
    "batch.size": arguments.batch_size,
    "message.timeout.ms": int(arguments.patience * 1000),
    "reconnect.backoff.ms": 20,
    "reconnect.backoff.max.ms": 200,
    "retry.backoff.ms": 20,
    "queue.buffering.max.messages": 20000,
    "log_level": 0,
})
padding = "x" * max(0, arguments.size - 13)
sequence = arguments.first
print("started", flush=True)
while not stopping.is_set() and not (arguments.count and sequence >= arguments.first + arguments.count):
    try:
        producer.produce(arguments.topic, f"{sequence:012d} {padding}", partition=arguments.partition,
                         on_delivery=report)
        sequence += 1
    except BufferError:
        producer.poll(0.01)
        continue
    if sequence % 50 == 0:
        producer.poll(0)
left = producer.flush(arguments.patience)
out.flush()
print(json.dumps({"produced": sequence - arguments.first, "acknowledged": acknowledged, "left": left,
                  "failed": len(failed), "firstFailure": failed[0] if failed else None}), flush=True)

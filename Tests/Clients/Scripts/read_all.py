"""Reads a partition from its start to its end, one line `offset value` a message.

    read_all.py BOOTSTRAP TOPIC [PARTITION]
"""
import sys
import time

from confluent_kafka import Consumer, KafkaError, TopicPartition

bootstrap, topic = sys.argv[1:3]
partition = int(sys.argv[3]) if len(sys.argv) > 3 else 0
consumer = Consumer({
    "bootstrap.servers": bootstrap, "group.id": "unused", "enable.auto.commit": False,
    "enable.partition.eof": True, "auto.offset.reset": "error", "log_level": 0,
})
consumer.assign([TopicPartition(topic, partition, 0)])
at_end = False
heard = time.monotonic()
while not at_end:
    # It waits for all thousand, or as long as it may: so not for long.
    messages = consumer.consume(1000, 0.1)
    if messages:
        heard = time.monotonic()
    elif time.monotonic() - heard > 20:
        sys.exit("read_all: nothing came for 20 seconds")
    for message in messages:
        if message.error() is None:
            print(message.offset(), message.value().decode())
        elif message.error().code() == KafkaError._PARTITION_EOF:
            at_end = True
        else:
            sys.exit(f"read_all: {message.error()}")
consumer.close()

"""Reads a partition from its start to its end, one line `offset value` a message.

    read_all.py BOOTSTRAP TOPIC [PARTITION]
"""
import sys

from confluent_kafka import Consumer, KafkaError, TopicPartition

bootstrap, topic = sys.argv[1:3]
partition = int(sys.argv[3]) if len(sys.argv) > 3 else 0
consumer = Consumer({
    "bootstrap.servers": bootstrap, "group.id": "unused", "enable.auto.commit": False,
    "enable.partition.eof": True, "auto.offset.reset": "error", "log_level": 0,
})
consumer.assign([TopicPartition(topic, partition, 0)])
at_end = False
while not at_end:
    for message in consumer.consume(1000, 20):
        if message.error() is None:
            print(message.offset(), message.value().decode())
        elif message.error().code() == KafkaError._PARTITION_EOF:
            at_end = True
        else:
            sys.exit(f"read_all: {message.error()}")
consumer.close()

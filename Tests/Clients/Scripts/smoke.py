"""What the three Python clients and librdkafka must be able to do with any node: a small set of the project's own.

    smoke.py BOOTSTRAP

Prints one line a case and exits 1 at the first that fails.
"""
import asyncio
import sys
import time
import uuid

bootstrap = sys.argv[1]
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]


def name(case):
    return f"smoke-{case}-{uuid.uuid4().hex[:8]}"


def confluent_roundtrip():
    from confluent_kafka import Consumer, Producer, TopicPartition
    from confluent_kafka.admin import AdminClient, NewTopic
    topic = name("confluent")
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, 2, 1)])[topic].result(20)
    for codec in CODECS:
        producer = Producer({"bootstrap.servers": bootstrap, "compression.codec": codec, "linger.ms": 5})
        for number in range(200):
            producer.produce(topic, f"{codec}-{number}", key=str(number), headers={"codec": codec.encode()}, partition=1)
        assert producer.flush(20) == 0
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "x", "auto.offset.reset": "earliest"})
    consumer.assign([TopicPartition(topic, 1, 0)])
    got = []
    deadline = time.time() + 20
    while len(got) < 1000 and time.time() < deadline:
        got += [message for message in consumer.consume(500, 1) if message.error() is None]
    assert [m.offset() for m in got] == list(range(1000)), "offsets are not dense"
    assert [m.value().decode() for m in got] == [f"{c}-{n}" for c in CODECS for n in range(200)]
    assert all(m.headers() == [("codec", m.value().split(b"-")[0])] for m in got)
    consumer.close()


def kafka_python_roundtrip():
    from kafka import KafkaConsumer, KafkaProducer, TopicPartition
    topic = name("kafka-python")
    for codec in [None, "gzip", "snappy", "lz4", "zstd"]:
        producer = KafkaProducer(bootstrap_servers=bootstrap, compression_type=codec, acks="all")
        for number in range(50):
            producer.send(topic, f"{codec}-{number}".encode(), partition=0)
        producer.flush(20)
        producer.close()
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, group_id=None, auto_offset_reset="earliest",
                             consumer_timeout_ms=20000)
    consumer.assign([TopicPartition(topic, 0)])
    got = []
    for message in consumer:
        got.append(message.offset)
        if len(got) == 250:
            break
    assert got == list(range(250)), f"{len(got)} of 250"
    consumer.close()


async def aiokafka_roundtrip():
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
    topic = name("aiokafka")
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True)
    await producer.start()
    try:
        for number in range(100):
            await producer.send_and_wait(topic, str(number).encode(), partition=0)
    finally:
        await producer.stop()
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, 0)])
        got = [int((await asyncio.wait_for(consumer.getone(), 20)).value) for _ in range(100)]
        assert got == list(range(100))
    finally:
        await consumer.stop()


def long_poll():
    """A consumer that waits gets a message when it is there, not when its wait is over."""
    from confluent_kafka import Consumer, Producer, TopicPartition
    topic = name("long-poll")
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0})
    producer.produce(topic, "first", partition=0)
    assert producer.flush(20) == 0
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "x", "fetch.wait.max.ms": 8000})
    consumer.assign([TopicPartition(topic, 0, 1)])
    consumer.poll(1)
    producer.produce(topic, "second", partition=0)
    sent = time.time()
    assert producer.flush(20) == 0
    message = consumer.poll(20)
    waited = time.time() - sent
    assert message is not None and message.value() == b"second"
    assert waited < 4, f"waited {waited:.1f} s"
    consumer.close()


for case in [confluent_roundtrip, kafka_python_roundtrip, lambda: asyncio.run(aiokafka_roundtrip()), long_poll]:
    label = getattr(case, "__name__", "case").replace("<lambda>", "aiokafka_roundtrip")
    case()
    print("PASS", label, flush=True)

"""Counts words with Quix Streams, whose counts live in a changelog topic, and checks that each was counted once.

    word_count.py drive BOOTSTRAP FOLDER     what a test starts
    word_count.py count BOOTSTRAP FOLDER     the program itself, which `drive` starts again whenever it ends

Lines are written to `lines` until the standard input closes; meanwhile it prints `counted N`. Twice it kills the
program. One that started again finds an empty folder: what was counted before comes back from the changelog. At the
end one JSON line.
"""
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time

mode, bootstrap, folder = sys.argv[1:4]
WORDS = ["ebb", "flow", "gate", "lock", "mill", "pool", "race", "sluice"]


def count():
    from quixstreams import Application

    application = Application(
        broker_address=bootstrap, consumer_group="words", state_dir=tempfile.mkdtemp(dir=folder),
        auto_offset_reset="earliest", processing_guarantee="exactly-once", commit_interval=0.3, loglevel="WARNING",
        consumer_poll_timeout=0.1,
        consumer_extra_config={"session.timeout.ms": 6000, "heartbeat.interval.ms": 500,
                               "reconnect.backoff.max.ms": 200},
        # What a program that ended left open is aborted after this time, and holds readers up until then.
        producer_extra_config={"transaction.timeout.ms": 8000, "reconnect.backoff.max.ms": 200})
    lines = application.topic("lines", value_deserializer="str")
    counts = application.topic("counts", value_serializer="json")

    def add(word, state):
        seen = state.get("seen", 0) + 1
        state.set("seen", seen)
        return {"word": word, "count": seen}

    words = application.dataframe(lines).apply(str.split, expand=True).group_by(lambda word: word, name="word")
    words.apply(add, stateful=True).to_topic(counts, key=lambda value: value["word"])
    application.run()


def drive():
    from confluent_kafka import Consumer, Producer

    settings = {"bootstrap.servers": bootstrap, "log_level": 0, "reconnect.backoff.ms": 20,
                "reconnect.backoff.max.ms": 200}
    stopping, ended, starts = threading.Event(), threading.Event(), []
    threading.Thread(target=lambda: (sys.stdin.read(), stopping.set()), daemon=True).start()
    running = []

    def supervise():
        while not ended.is_set():
            running[:] = [subprocess.Popen([sys.executable, __file__, "count", bootstrap, folder],
                                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)]
            starts.append(time.monotonic())
            running[0].wait()

    supervisor = threading.Thread(target=supervise, daemon=True)
    supervisor.start()
    producer = Producer(settings | {"enable.idempotence": True, "linger.ms": 5})
    reader = Consumer(settings | {"group.id": "judge", "auto.offset.reset": "earliest", "enable.auto.commit": False,
                                  "isolation.level": "read_committed", "topic.metadata.refresh.interval.ms": 500,
                                  "allow.auto.create.topics": False})
    reader.subscribe(["counts"])
    generator, expected, found, doubled, read = random.Random(7), {}, {}, 0, 0
    last_line, deadline, kills, noticed, mark = 0.0, time.monotonic() + 240, 2, 0, 0
    try:
        while True:
            if time.monotonic() > deadline:
                sys.exit(f"word_count: not within 240 s: {read} of {sum(expected.values())} counts, "
                         f"{len(starts)} starts")
            if len(starts) > noticed:
                # So many that only this one can have counted the last of them: they are not written yet.
                noticed, mark = len(starts), sum(expected.values()) + 100
            has_counted = len(starts) == noticed > 0 and read >= mark
            is_over = stopping.is_set() and not kills and has_counted
            if not is_over and time.monotonic() - last_line > 0.02:
                last_line = time.monotonic()
                line = generator.choices(WORDS, k=5)
                for word in line:
                    expected[word] = expected.get(word, 0) + 1
                producer.produce("lines", " ".join(line))
            producer.poll(0)
            for message in reader.consume(100, 0.02):
                if message.error() is not None:
                    continue
                value = json.loads(message.value())
                counts = found.setdefault(value["word"], [])
                doubled += value["count"] in counts
                counts.append(value["count"])
                read += 1
                if read % 100 == 0:
                    print("counted", read, flush=True)
            if kills and has_counted and running[0].poll() is None:
                kills, mark = kills - 1, float("inf")
                running[0].kill()
            if is_over and producer.flush(60) == 0 and read >= sum(expected.values()):
                break
        # What comes late would be counted twice.
        late = [m for m in reader.consume(100, 2) if m.error() is None]
    finally:
        ended.set()
        for process in running:
            process.kill()
            process.wait()
    whole = sum(sorted(found.get(word, [])) == list(range(1, n + 1)) for word, n in expected.items())
    print(json.dumps({"words": len(expected), "whole": whole, "counts": read, "doubled": doubled, "late": len(late),
                      "starts": len(starts)}), flush=True)
    os._exit(0)


count() if mode == "count" else drive()

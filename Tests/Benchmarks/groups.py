"""What groups cost: to become stable, to lose a member, and to commit for a minute.

A part of bench.py. Run by itself it is one member, which bench.py kills:

    groups.py member BOOTSTRAP TOPIC GROUP PROTOCOL
"""
import json
import os
import subprocess
import sys
import threading
import time

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

SESSION_MS = 6000


def settings(bootstrap, group, number, protocol):
    common = {"bootstrap.servers": bootstrap, "group.id": group, "client.id": f"member-{number}",
              "enable.auto.commit": False, "group.protocol": protocol, "log_level": 0,
              "topic.metadata.refresh.interval.ms": -1, "queued.min.messages": 1}
    if protocol == "classic":
        common |= {"partition.assignment.strategy": "cooperative-sticky", "session.timeout.ms": SESSION_MS,
                   "heartbeat.interval.ms": 500}
    return common


class Member(threading.Thread):
    """One consumer, that counts what it is called for."""

    def __init__(self, bootstrap, topic, group, number, protocol):
        super().__init__(daemon=True)
        self.owned, self.revoked, self.assigned, self.changed = set(), 0, 0, time.monotonic()
        self.stopping = False
        self.consumer = Consumer(settings(bootstrap, group, number, protocol))
        self.consumer.subscribe([topic], on_assign=self.on_assign, on_revoke=self.on_revoke, on_lost=self.on_revoke)

    def on_assign(self, consumer, partitions):
        self.owned |= {p.partition for p in partitions}
        self.assigned += len(partitions)
        self.changed = time.monotonic()
        consumer.incremental_assign(partitions)

    def on_revoke(self, consumer, partitions):
        self.owned -= {p.partition for p in partitions}
        self.revoked += len(partitions)
        self.changed = time.monotonic()
        consumer.incremental_unassign(partitions)

    def run(self):
        while not self.stopping:
            self.consumer.poll(0.2)
        self.consumer.close()


def until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"groups: not within {seconds} s: {what}")
        time.sleep(0.01)


def rebalances(bootstrap, row, protocol, members=50, partitions=500):
    """Fifty members, one of them in a process of its own, which is killed."""
    topic, group = f"moved-{protocol}", f"team-{protocol}"
    # It must outlive the answer.
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result(60)
    begin = time.monotonic()
    team = [Member(bootstrap, topic, group, number, protocol) for number in range(members - 1)]
    for member in team:
        member.start()
    victim = subprocess.Popen([sys.executable, __file__, "member", bootstrap, topic, group, protocol],
                              stdout=subprocess.PIPE, text=True)
    victims = {"owned": set()}

    def listen():
        for line in victim.stdout:
            victims["owned"] = set(json.loads(line))

    threading.Thread(target=listen, daemon=True).start()

    def covered(others):
        owned = [p for member in team for p in member.owned] + sorted(others)
        return sorted(owned) == list(range(partitions))

    share = partitions // members
    until(lambda: covered(victims["owned"]) and all(len(m.owned) == share for m in team), 120, "50 members are even")
    stable = max(m.changed for m in team) - begin
    row(f"groups: {members} members, {partitions} partitions, {protocol}, first start to even shares",
        f"{stable:.2f} s")
    time.sleep(3)
    revoked, assigned = sum(m.revoked for m in team), sum(m.assigned for m in team)
    moving = len(victims["owned"])
    died = time.monotonic()
    victim.kill()
    victim.wait()
    until(lambda: covered(set()), 120, "the others have what the dead one had")
    took = max(m.changed for m in team) - died
    time.sleep(1)
    row(f"groups: one of {members} killed, {protocol}, until its partitions are read again",
        f"{took:.2f} s (session timeout {SESSION_MS / 1000 if protocol == 'classic' else 45:g} s)")
    row(f"groups: partitions that moved for its {moving}, {protocol}",
        f"{sum(m.assigned for m in team) - assigned} given, {sum(m.revoked for m in team) - revoked} taken from others")
    # Longer than a heartbeat of KIP-848: from here on the group is calm.
    time.sleep(8)
    begin = time.monotonic()
    newcomer = Member(bootstrap, topic, group, members, protocol)
    newcomer.start()
    until(lambda: len(newcomer.owned) == share, 120, "the newcomer has its share")
    row(f"groups: one joins {members - 1} that are calm, {protocol}, until it has its share",
        f"{newcomer.changed - begin:.2f} s")
    for member in team + [newcomer]:
        member.stopping = True
    for member in team + [newcomer]:
        member.join(30)


def commits(node, row, groups=1000, seconds=60):
    """A thousand groups commit one offset after another; what the node's memory does."""
    bootstrap = node.kafka
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    admin.create_topics([NewTopic("committed", 4, 1)])["committed"].result(60)
    names, made, sizes = [f"committer-{n}" for n in range(groups)], 0, []
    begin = sampled = time.monotonic()
    offset = 0
    while time.monotonic() - begin < seconds:
        offset += 1
        for start in range(0, groups, 100):
            futures = []
            for name in names[start:start + 100]:
                places = [TopicPartition("committed", partition, offset) for partition in range(4)]
                futures.append(admin.alter_consumer_group_offsets(
                    [ConsumerGroupTopicPartitions(name, places)])[name])
            for future in futures:
                future.result(30)
                made += 1
        if offset == 1 or time.monotonic() - sampled > 5:
            sampled = time.monotonic()
            sizes.append(node.resident())
    row(f"groups: {groups} groups commit for {seconds} s", f"{made / (time.monotonic() - begin):.0f} commits/s")
    row("groups: resident after the first round, after a quarter, at the end",
        ", ".join(f"{size / 1e6:.0f} MB" for size in (sizes[0], sizes[len(sizes) // 4], sizes[-1])))


def measure(node, row):
    for protocol in ["classic", "consumer"]:
        rebalances(node.kafka, row, protocol)
    commits(node, row)


if __name__ == "__main__":
    bootstrap, topic, group, protocol = sys.argv[2:6]
    member = Member(bootstrap, topic, group, "victim", protocol)
    shown = None
    while True:
        member.consumer.poll(0.1)
        if member.owned != shown:
            shown = set(member.owned)
            print(json.dumps(sorted(shown)), flush=True)

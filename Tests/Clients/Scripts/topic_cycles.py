"""Makes and deletes topics, through a Kafka client and through the node's objects in turn.

    topic_cycles.py BOOTSTRAP HTTP FIRST COUNT

Of four cycles one is made and deleted by the client, one by objects, one made by the client and deleted as an object,
and one the other way round. Each topic serves before it is deleted, and its name is free before the next cycle.
"""
import http.client
import json
import sys
import time

from confluent_kafka.admin import AdminClient, NewTopic

bootstrap, address, first, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
admin = AdminClient({"bootstrap.servers": bootstrap})
web = http.client.HTTPConnection(address)
TOPICS = "/apis/weir/v1/namespaces/default/topics"


def call(method, path, body=None):
    web.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
    answer = web.getresponse()
    text = answer.read()
    return answer.status, json.loads(text) if text else None


def until(what, holds):
    deadline = time.time() + 20
    while not holds():
        assert time.time() < deadline, what
        time.sleep(0.001)


def create_by_client(name, partitions):
    admin.create_topics([NewTopic(name, partitions, 1)])[name].result(20)


def create_by_object(name, partitions):
    topic = {"apiVersion": "weir/v1", "kind": "Topic", "metadata": {"name": name}, "spec": {"partitions": partitions}}
    status, answer = call("POST", TOPICS, topic)
    assert status == 201, answer
    until(f"{name} does not serve", lambda: call("GET", f"{TOPICS}/{name}")[1].get("status", {}).get("phase") == "Ready")


def delete_by_client(name):
    admin.delete_topics([name], operation_timeout=20)[name].result(20)
    assert call("GET", f"{TOPICS}/{name}")[0] == 404, f"{name} is still an object"


def delete_by_object(name):
    status, answer = call("DELETE", f"{TOPICS}/{name}")
    assert status in (200, 202), answer
    until(f"{name} is still there", lambda: call("GET", f"{TOPICS}/{name}")[0] == 404)


for cycle in range(first, first + count):
    name, partitions = f"cycle-{cycle}", cycle % 3 + 1
    (create_by_client if cycle % 2 == 0 else create_by_object)(name, partitions)
    (delete_by_client if cycle // 2 % 2 == 0 else delete_by_object)(name)

"""Drives the pipelines of Samples/CustomReconciler over HTTP, and waits for what becomes of them by watching.

    pipelines.py HTTP make NAME FROM TO [CONTAINING]      posts a pipeline; returns when it runs
    pipelines.py HTTP until NAME POSITION                 returns when the pipeline has read up to there
    pipelines.py HTTP forget NAME                         sets its status back to the beginning
    pipelines.py HTTP fails NAME                          returns when the pipeline has failed; prints its message
    pipelines.py HTTP delete NAME TOPIC...                deletes it; returns when the topics are gone too
    pipelines.py HTTP list                                prints the names of all topics but internal ones
"""
import http.client
import json
import sys

address, command, arguments = sys.argv[1], sys.argv[2], sys.argv[3:]
PIPELINES = "/apis/example.com/v1/namespaces/default/pipelines"
TOPICS = "/apis/weir/v1/namespaces/default/topics"


def call(method, path, body=None, kind="application/json"):
    web = http.client.HTTPConnection(address, timeout=60)
    web.request(method, path, json.dumps(body) if body else None, {"Content-Type": kind})
    answer = web.getresponse()
    text = answer.read()
    web.close()
    return answer.status, json.loads(text) if text else None


def watch(kind, name):
    """The object as it is and as it becomes; None where it is gone. A minute without a change is a failure."""
    status, listed = call("GET", kind)
    assert status == 200, listed
    yield next((item for item in listed["items"] if item["metadata"]["name"] == name), None)
    web = http.client.HTTPConnection(address, timeout=60)
    web.request("GET", f"{kind}?watch=true&resourceVersion={listed['metadata']['resourceVersion']}")
    answer = web.getresponse()
    assert answer.status == 200, answer.read()
    while line := answer.readline():
        event = json.loads(line)
        assert event["type"] in ("ADDED", "MODIFIED", "DELETED"), event
        if event["object"]["metadata"]["name"] == name:
            yield None if event["type"] == "DELETED" else event["object"]
    sys.exit(f"the watch of {name} ended")


def status_of(name, holds):
    for pipeline in watch(PIPELINES, name):
        status = (pipeline or {}).get("status") or {}
        if holds(status):
            return status


def gone(kind, name):
    for state in watch(kind, name):
        if state is None:
            return


if command == "make":
    name, source, target = arguments[:3]
    spec = {"from": source, "to": target, "uppercase": True}
    if len(arguments) > 3:
        spec["containing"] = arguments[3]
    pipeline = {"apiVersion": "example.com/v1", "kind": "Pipeline", "metadata": {"name": name}, "spec": spec}
    status, answer = call("POST", PIPELINES, pipeline)
    if status != 201:
        print(status, answer["message"])
        sys.exit(0)
    status_of(name, lambda status: status.get("phase") in ("Running", "Failed"))
elif command == "until":
    status_of(arguments[0], lambda status: status.get("position", 0) >= int(arguments[1]))
elif command == "forget":
    body = {"status": {"position": 0}}
    status, answer = call("PATCH", f"{PIPELINES}/{arguments[0]}/status", body, "application/merge-patch+json")
    assert status == 200, answer
elif command == "fails":
    print(status_of(arguments[0], lambda status: status.get("phase") == "Failed")["message"])
elif command == "delete":
    status, answer = call("DELETE", f"{PIPELINES}/{arguments[0]}")
    assert status in (200, 202), answer
    gone(PIPELINES, arguments[0])
    for topic in arguments[1:]:
        gone(TOPICS, topic)
elif command == "list":
    names = [item["metadata"]["name"] for item in call("GET", TOPICS)[1]["items"]]
    print("\n".join(name for name in names if not name.startswith("__")))
else:
    sys.exit(f"there is no command {command}")

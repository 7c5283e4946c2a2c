"""Uses a running stayposd through PyPI's `varlink`, which checks every call and reply against the interface.

usage: varlink_daemon_client.py admin SOCKET FLAGGED-FILE CLEAR-FILE
       varlink_daemon_client.py reader SOCKET FLAGGED-FILE CLEAR-FILE

`admin` does the work of a day; `reader` gives up its rights first, and may look and change nothing."""

import base64
import os
import sys

import varlink

role, socket, flagged, clear = sys.argv[1:]
ERROR = "io.staypos.Control."


def connect():
    return varlink.Client("unix:" + socket)


def refused(name, call):
    try:
        call()
    except varlink.VarlinkError as failure:
        assert failure.error() == name, (name, failure)
        return failure.parameters()
    raise AssertionError("expected " + name)


def admin(control):
    status = control.GetStatus()["status"]
    assert status["state"] == "ready" and status["mode"] == "enforce", status
    assert status["threshold"]["origin"] == "model" and len(status["model"]["sha256"]) == 64, status
    assert [r["path"] for r in status["roots"]] == [os.path.dirname(flagged)], status

    assert control.Submit(clear, None, True)["entry"]["verdict"] == "clear"
    entry = control.Submit(flagged, None, True)["entry"]
    assert entry["verdict"] == "flagged" and entry["probability"] >= entry["threshold"], entry
    id = entry["quarantineId"]
    assert not os.path.exists(flagged)
    assert [o["path"] for o in control.ListQuarantine()["entries"]] == [flagged]
    object = control.GetQuarantine(id)["object"]
    assert object["sha256"] == entry["sha256"] and object["size"] == entry["size"], object

    assert control.RestoreQuarantine(id)["path"] == flagged and os.path.exists(flagged)
    refused(ERROR + "NotFound", lambda: control.GetQuarantine(id))
    assert control.SetThreshold(0.999999)["threshold"] == {"value": 0.999999, "origin": "runtime"}
    entry = control.Submit(flagged, None, True)["entry"]
    assert entry["verdict"] == "clear" and entry["threshold"] == 0.999999, entry
    assert control.ResetThreshold()["threshold"]["origin"] == "model"
    refused("org.varlink.service.InvalidParameter", lambda: control.SetThreshold(1.5))
    refused(ERROR + "Refused", lambda: control.Submit("/etc/passwd"))

    control.AddAllow(entry["sha256"], "a logo")
    assert [a["note"] for a in control.ListAllow()["entries"]] == ["a logo"]
    entry = control.Submit(flagged, None, True)["entry"]
    assert entry["verdict"] == "clear" and entry["allowed"], entry
    control.RemoveAllow(entry["sha256"])
    refused(ERROR + "NotFound", lambda: control.RemoveAllow(entry["sha256"]))

    control.Pause()
    assert control.GetStatus()["status"]["state"] == "paused"
    control.Submit(clear)
    assert [(q["path"], q["priority"]) for q in control.ListQueue()["entries"]] == [(clear, "submitted")]
    control.Resume()
    control.Rescan()
    control.Reload()
    history = [e for page in control.ListHistory(_more=True) for e in page["entries"]]
    assert {e["path"] for e in history} == {flagged, clear}, history
    assert [e["id"] for e in history] == sorted((e["id"] for e in history), reverse=True)
    assert control.GetHistory(history[0]["id"])["entry"] == history[0]


def monitor():
    """A second connection sees what the first one does, as it happens."""
    with connect() as watching, watching.open("io.staypos.Control") as stream:
        replies = stream.Monitor(_more=True)
        assert next(replies) == {"lost": 0}
        with connect() as acting, acting.open("io.staypos.Control") as control:
            control.SetThreshold(0.5)
            event = next(replies)["event"]
            assert event["event"] == "threshold-changed" and event["threshold"] == 0.5, event
            assert event["uid"] == os.geteuid() and event["pid"] == os.getpid(), event
            control.ResetThreshold()


def odd_names():
    """A path that is not UTF-8 goes both ways as base 64."""
    name = os.fsencode(os.path.dirname(flagged)) + b"/odd\n\xff\xc3("
    with open(clear, "rb") as source, open(name, "wb") as target:
        target.write(source.read() + b"odd")
    with connect() as client, client.open("io.staypos.Control") as control:
        encoded = base64.b64encode(name).decode()
        entry = control.Submit("", encoded, True)["entry"]
        assert base64.b64decode(entry["pathBase64"]) == name and "\ufffd" in entry["path"], entry


def reader(control):
    assert os.geteuid() == 65534
    assert control.GetStatus()["status"]["state"] == "ready"
    assert control.GetThreshold()["threshold"]["origin"] == "model"
    assert control.ListHistory(1)["entries"] and control.ListQueue()["entries"] == []
    assert control.ListQuarantine()["entries"] == [] and control.ListAllow()["entries"] == []
    digest = "ab" * 32
    id = "20260101T000000Z-0000000000000001"
    for call in [
        lambda: control.SetThreshold(0.0), control.ResetThreshold, control.Pause, control.Resume, control.Reload,
        control.Rescan, lambda: control.Submit(clear), lambda: control.RestoreQuarantine(id),
        lambda: control.DeleteQuarantine(id), lambda: control.AddAllow(digest), lambda: control.RemoveAllow(digest),
    ]:
        refused(ERROR + "PermissionDenied", call)


if role == "reader":
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
with connect() as client, client.open("io.staypos.Control") as control:
    {"admin": admin, "reader": reader}[role](control)
if role == "admin":
    monitor()
    odd_names()
print("all is well")

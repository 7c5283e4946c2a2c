"""Speaks to the control socket through PyPI's `varlink`, which has its own parser of interfaces and checks every call and
reply against them. usage: varlink_client.py SOCKET QUARANTINE-ID"""

import sys

import varlink

socket, quarantine_id = sys.argv[1:]

with varlink.Client("unix:" + socket) as client:
    with client.open("org.varlink.service") as service:
        info = service.GetInfo()
    assert info["product"] == "stayposd" and info["version"] == "1.2", info
    assert info["interfaces"] == ["org.varlink.service", "io.staypos.Control"], info
    with client.open("io.staypos.Control") as control:
        members = control._interface.members
        assert "Submit" in members and "Status" in members and "Refused" in members, members

        status = control.GetStatus()["status"]
        assert status["queueDepth"] == 3 and status["threshold"] == {"value": 0.5, "origin": "model"}, status
        assert control.SetThreshold(0.25)["threshold"] == {"value": 0.25, "origin": "runtime"}

        entries = [e for page in control.ListHistory(limit=250, _more=True) for e in page["entries"]]
        assert [e["id"] for e in entries] == list(range(250, 0, -1))
        assert entries[-1]["pathBase64"] == "L3VwL/8=", entries[-1]
        assert control.GetHistory(3)["entry"]["verdict"] == "flagged"
        assert len([o for page in control.ListQuarantine(_more=True) for o in page["entries"]]) == 150
        assert control.RestoreQuarantine(quarantine_id)["path"] == "/up/5"
        assert control.Submit("/up/a")["queueId"] == 1
        for event in control.Monitor(_more=True):
            assert event == {"lost": 0}, event
            break

with varlink.Client("unix:" + socket) as client, client.open("io.staypos.Control") as control:
    for call, error, parameters in [
        (lambda: control.Reload(), "io.staypos.Control.Refused", {"message": "stayposd.toml:3:1: unknown key"}),
        (lambda: control.GetHistory(9999), "io.staypos.Control.NotFound", {"message": "no history entry 9999"}),
        (lambda: control.SetThreshold(7.5), "org.varlink.service.InvalidParameter", {"parameter": "value"}),
    ]:
        try:
            call()
        except varlink.VarlinkError as failure:
            assert failure.error() == error and failure.parameters() == parameters, failure
        else:
            raise AssertionError(error)
    try:
        client.get_interface("io.example.Other")
    except varlink.VarlinkError as failure:
        assert failure.error() == "org.varlink.service.InterfaceNotFound", failure
    else:
        raise AssertionError("an interface that is not there")

print("all is well")

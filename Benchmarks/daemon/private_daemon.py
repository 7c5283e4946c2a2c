"""A stayposd on private directories, and a connection to its socket."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path


class Varlink:
    """One connection: JSON objects that end with NUL."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.buffer = b""

    def call(self, method, parameters=None, more=False):
        message = {"method": f"io.staypos.Control.{method}", "parameters": parameters or {}}
        if more:
            message["more"] = True
        self.socket.sendall(json.dumps(message).encode() + b"\0")

    def receive(self, timeout=None):
        """The parameters of the next reply."""
        self.socket.settimeout(timeout)
        while b"\0" not in self.buffer:
            data = self.socket.recv(1 << 20)
            if not data:
                raise RuntimeError("stayposd closed the connection")
            self.buffer += data
        message, self.buffer = self.buffer.split(b"\0", 1)
        reply = json.loads(message)
        if "error" in reply:
            raise RuntimeError(str(reply))
        return reply.get("parameters", {})

    def status(self):
        self.call("GetStatus")
        return self.receive(60)["status"]


class Daemon:
    """From its readiness to its end, as a context manager.

    settle: milliseconds. threshold: 1.0 clears, 0.0 flags every image of noise.
    """

    def __init__(self, options, settle=0, threshold=1.0):
        self.options = options
        self.directory = Path(tempfile.mkdtemp(prefix="daemon-", dir=options.work))
        # sun_path holds 108 bytes (unix(7)).
        self.sockets = Path(tempfile.mkdtemp(prefix="staypos-"))
        self.socket = str(self.sockets / "control.sock")
        self.uploads = self.directory / "uploads"
        self.uploads.mkdir()
        for name in ("quarantine", "state"):
            (self.directory / name).mkdir(mode=0o700)
        self.configuration = self.directory / "stayposd.toml"
        # JSON strings are TOML strings.
        self.configuration.write_text(f"""
[[watch]]
path = {json.dumps(str(self.uploads))}
settle_milliseconds = {settle}
[detector]
model = {json.dumps(os.path.realpath(options.model))}
threshold = {threshold}
[quarantine]
directory = {json.dumps(str(self.directory / "quarantine"))}
[state]
directory = {json.dumps(str(self.directory / "state"))}
[control]
socket = {json.dumps(self.socket)}
""")

    def __enter__(self):
        notify = str(self.sockets / "notify")
        log = self.directory / "log"
        # What a service manager has told the shell is not meant for this daemon: no watchdog, no sockets.
        environment = {
            name: value for name, value in os.environ.items()
            if name not in ("WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "JOURNAL_STREAM")}
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver, open(log, "wb") as file:
            receiver.bind(notify)
            receiver.settimeout(1)
            self.process = subprocess.Popen(
                [f"{self.options.executables}/stayposd", "--config", str(self.configuration)], stdout=file, stderr=file,
                env={**environment, "NOTIFY_SOCKET": notify})
            ready = False
            deadline = time.monotonic() + 60
            while not ready and self.process.poll() is None and time.monotonic() < deadline:
                try:
                    ready = b"READY=1" in receiver.recv(4096).split(b"\n")
                except TimeoutError:
                    pass
        if not ready:
            self.process.kill()
            self.process.wait()
            message = log.read_text()
            self.remove()
            raise RuntimeError(f"stayposd did not start:\n{message}")
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.remove()

    def remove(self):
        shutil.rmtree(self.directory)
        shutil.rmtree(self.sockets)

    def monitor(self):
        """A connection that receives every event from now on."""
        connection = Varlink(self.socket)
        connection.call("Monitor", more=True)
        # The first reply, without an event, says that the stream has begun.
        first = connection.receive(10)
        assert first.get("event") is None, first
        return connection

    def wait_for_scorers(self):
        """Until every worker has its scorer and the machine has come to rest."""
        connection = Varlink(self.socket)
        while any(not scorer["pid"] for scorer in connection.status()["scorers"]):
            time.sleep(0.05)
        time.sleep(1)

    def wait_for_rest(self):
        """Until nothing waits or is scored, and nothing has come after it for a second."""
        connection = Varlink(self.socket)
        quiet = 0
        while quiet < 10:
            status = connection.status()
            quiet = 0 if status["queueDepth"] + status["inFlight"] else quiet + 1
            time.sleep(0.1)

    def history(self):
        lines = subprocess.run(
            [f"{self.options.executables}/staypos-ctl", "history", "--json", "--limit", "1000000", "--socket",
             self.socket], stdout=subprocess.PIPE, check=True).stdout.splitlines()
        return [json.loads(line) for line in lines]

    def processes(self):
        """Numbers of the daemon and its scorers, by name."""
        numbers = [self.process.pid]
        for children in Path(f"/proc/{self.process.pid}/task").glob("*/children"):
            numbers += [int(number) for number in children.read_text().split()]
        return {number: Path(f"/proc/{number}/comm").read_text().strip() for number in sorted(numbers)}

"""Stages that run once: one that was done with the same parameters, after the same stages, is passed over."""

import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys
import time


class StageFailed(Exception):
    """A command failed; the message names it and its log."""


class Stages:
    """The stages of one run, below a directory of its own."""

    def __init__(self, work, staypos, threads):
        self.work, self.staypos, self.threads = pathlib.Path(work), pathlib.Path(staypos).resolve(), threads
        self.stamps, self.logs = self.work / "stamps", self.work / "logs"
        for folder in (self.stamps, self.logs):
            folder.mkdir(parents=True, exist_ok=True)
        self.digests = {}
        self.log = None
        self._makers = None

    def path(self, *parts):
        return self.work.joinpath(*parts)

    def run(self, name, action, after=(), **parameters):
        """Calls an action, unless it was done. The action's own files let it go on where it was interrupted; those that
        it made with other parameters would be mixed with today's, so that is refused."""
        content = json.dumps([name, parameters, [self.digests[stage] for stage in after]], sort_keys=True, default=str)
        self.digests[name] = digest = hashlib.sha256(content.encode()).hexdigest()
        stamp = self.stamps / f"{name}.json"
        state = json.loads(stamp.read_text()) if stamp.exists() else {"digest": digest, "seconds": 0, "done": False}
        if state["digest"] != digest:
            raise StageFailed(f"{name} was begun with other parameters: delete {self.work}, or name another directory")
        if state["done"]:
            print(f"{name}: done before", flush=True)
            return
        print(f"{name} …", flush=True)
        state["makers"] = sorted({*state.get("makers", []), self.makers()})
        self._write(stamp, state)
        start = time.monotonic()
        try:
            with open(self.logs / f"{name}.log", "a", encoding="utf-8") as self.log:
                action()
            state["done"] = True
        finally:
            state["seconds"] = round(state["seconds"] + time.monotonic() - start, 1)
            self._write(stamp, state)
        print(f"{name}: {state['seconds']} s", flush=True)

    def makers(self):
        """What makes a stage: the executable, and the scripts. A stage that is done is not made again for another
        one; the report says which were at work."""
        if self._makers is None:
            version = subprocess.run([self.staypos, "--version"], stdout=subprocess.PIPE, text=True, check=True)
            scripts = b"".join(path.read_bytes() for path in sorted(pathlib.Path(__file__).parent.glob("*.py")))
            executable = hashlib.sha256(self.staypos.read_bytes()).hexdigest()
            self._makers = (f"{version.stdout.strip()}, SHA-256 {executable[:16]}…, scripts "
                            f"{hashlib.sha256(scripts).hexdigest()[:16]}…")
        return self._makers

    @staticmethod
    def _write(stamp, state):
        part = stamp.with_suffix(".part")
        part.write_text(json.dumps(state))
        part.replace(stamp)

    def command(self, *arguments, succeeds=(0,)):
        """A program; what it prints goes to the stage's log, and its standard output is returned."""
        words = [str(word) for word in arguments]
        print("$", shlex.join(words), file=self.log, flush=True)
        # Threads that wait for each other awake stand still where other programs keep the processors busy.
        environment = {"GOMP_SPINCOUNT": "1000", **os.environ}
        result = subprocess.run(words, stdout=subprocess.PIPE, stderr=self.log, text=True, check=False, env=environment)
        print(result.stdout, file=self.log, flush=True)
        if result.returncode not in succeeds:
            raise StageFailed(f"{shlex.join(words[:4])} … ended with {result.returncode}: see {self.log.name}")
        return result.stdout

    def tool(self, *arguments, succeeds=(0,)):
        return self.command(self.staypos, *arguments, succeeds=succeeds)

    def seconds(self):
        """What each stage took, all its runs together."""
        return {path.stem: json.loads(path.read_text())["seconds"] for path in sorted(self.stamps.glob("*.json"))}


    def provenance(self):
        """In Markdown: which executables and scripts made which stages."""
        made = {}
        for path in sorted(self.stamps.glob("*.json")):
            for maker in json.loads(path.read_text()).get("makers", []):
                made.setdefault(maker, []).append(path.stem)
        if len(made) == 1:
            return f"Made by {next(iter(made))}.\n"
        return ("**Made by several executables or versions of the scripts**, since what was done is not done again:\n\n"
                + "".join(f"- {maker}: {', '.join(stages)}\n" for maker, stages in made.items()))


def main(function):
    """Ends a script with a message instead of a traceback where a stage has failed."""
    try:
        sys.exit(function())
    except StageFailed as error:
        sys.exit(f"{sys.argv[0]}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)

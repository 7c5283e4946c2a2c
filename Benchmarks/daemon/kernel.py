"""What the kernel knows of a process (proc(5))."""

from pathlib import Path


def fields(path):
    """A file of lines `Name: value`, as a dictionary."""
    return dict(line.split(":", 1) for line in Path(path).read_text().splitlines() if ":" in line)


def memory(process):
    """VmRSS, VmHWM (the peak of VmRSS) and Pss in MiB. Pss counts a page that n processes share as 1/n; None if the kernel
    keeps it from this user."""
    status = fields(f"/proc/{process}/status")
    sizes = {name: int(status[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM")}
    try:
        sizes["Pss"] = int(fields(f"/proc/{process}/smaps_rollup")["Pss"].split()[0]) / 1024
    except PermissionError:
        sizes["Pss"] = None
    return sizes


class Activity:
    """What the threads of a process have done so far."""

    def __init__(self, process):
        self.threads = {}
        for thread in Path(f"/proc/{process}/task").iterdir():
            status = fields(thread / "status")
            # A thread that wakes up switches once, voluntarily, when it goes to sleep again.
            switches = int(status["voluntary_ctxt_switches"]) + int(status["nonvoluntary_ctxt_switches"])
            # Nanoseconds on a processor: utime and stime count in hundredths of a second.
            used = int((thread / "schedstat").read_text().split()[0])
            self.threads[thread.name] = switches, used, (thread / "wchan").read_text()

    def since(self, before):
        """Context switches, milliseconds on a processor, and where the threads sleep that were awake meanwhile.

        A thread that has ended is one switch at least.
        """
        switches = len(before.threads.keys() - self.threads.keys())
        places = {"a thread's end"} if switches else set()
        used = 0
        for thread, (count, time, place) in self.threads.items():
            old_count, old_time, _ = before.threads.get(thread, (0, 0, ""))
            used += time - old_time
            if count != old_count:
                switches += count - old_count
                places.add(place)
        return switches, used / 1e6, places

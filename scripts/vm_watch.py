# SPDX-License-Identifier: GPL-2.0
"""Watch a guest under QEMU for what it cannot report: how long the host did not run it,
whether the emulator lost an interrupt of one of its CPUs, and whether it ran an instruction
that the kernel had already replaced.

The time limit of a run counts only the seconds in which the guest could run. A stall that
the guest reports is a fault of the guest, unless one of the first two explains it; a task
that hangs is explained by the second only. An oops is a fault of the guest, unless it is of
the third kind and not in a module."""

import json
import re
import socket
import threading
import time
from collections import deque
from pathlib import Path

STALL = re.compile(r"rcu: INFO: .*stall|RCU stall|soft lockup|hard LOCKUP")
# A task waits for minutes: for another one, or for a processor that waits for its interrupt
HUNG = re.compile(r"INFO: task .* blocked for more than")
BREAKPOINT = re.compile(r"\bint3: 0000 \[#1\]")
# Samples of the local APICs, one second apart; an interrupt is lost if all of them say so
SAMPLES = 6
# A stall is the host's fault if QEMU waited for this share of so many seconds before it.
WINDOW = 25
STARVED = 0.75
# The wall time may be at most this many times the limit, with the time of waiting.
CAP = 2


class Monitor:
    """QEMU's machine protocol over a socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(str(path))
        self.file = self.socket.makefile("rw", encoding="utf-8")
        self.file.readline()
        self.ask("qmp_capabilities")

    def ask(self, command, **arguments):
        """The response to a command; events in between are dropped."""
        self.file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.file.flush()
        while True:
            answer = json.loads(self.file.readline())
            if "return" in answer or "error" in answer:
                return answer.get("return")

    def info(self, what, cpu):
        """The output of "info WHAT" of the human monitor, for one CPU."""
        return self.ask("human-monitor-command", **{"command-line": f"info {what}", "cpu-index": cpu})


def timer_is_lost(lapic, registers):
    """Has the one-shot timer of a CPU expired, with its interrupt neither pending nor in
    service, although the CPU takes interrupts? Then the guest waits for ever.

    >>> lapic = "LVTT  0x000000ec active-hi edge one-shot Fixed (vec 236)\\n" \\
    ...         "Timer DCR=0x3 initial_count = 62000 current_count = 0\\nISR (none)\\nIRR (none)"
    >>> timer_is_lost(lapic, "RIP=ffffffff RFL=00000246 HLT=1")
    True
    >>> timer_is_lost(lapic, "RIP=ffffffff RFL=00000046 HLT=0")  # interrupts are off
    False
    >>> timer_is_lost(lapic.replace("IRR (none)", "IRR 236"), "RFL=00000246")  # pending
    False
    >>> timer_is_lost(lapic.replace("current_count = 0", "current_count = 9"), "RFL=00000246")
    False
    >>> timer_is_lost(lapic.replace("0x000000ec", "0x000100ec"), "RFL=00000246")  # masked
    False
    """
    mode = re.search(r"LVTT\s+0x([0-9a-f]+)", lapic)
    count = re.search(r"initial_count = (\d+) current_count = (\d+)", lapic)
    if not (mode and count):
        return False
    entry = int(mode[1], 16)
    masked, oneshot = entry & 1 << 16, not entry & 3 << 17
    busy = any(re.search(rf"^{name}\s.*\b{entry & 255}\b", lapic, re.M) for name in ("ISR", "IRR"))
    return (oneshot and not masked and int(count[1]) > 0 and int(count[2]) == 0 and not busy
            and takes_interrupts(registers))


def in_service(lapic):
    """Does a CPU have an interrupt in service?

    >>> in_service("ISR\\t 236 \\nIRR\\t 37 236 "), in_service("ISR\\t (none)\\nIRR\\t 236 ")
    (True, False)
    """
    return bool(re.search(r"^ISR\s+\d", lapic, re.M))


def takes_interrupts(registers):
    """Are interrupts on?

    >>> takes_interrupts("RIP=ffffffff RFL=00000206"), takes_interrupts("RFL=00000006")
    (True, False)
    """
    flags = re.search(r"\b(?:RFL|EFL)=([0-9a-f]+)", registers)
    return bool(flags and int(flags[1], 16) & 1 << 9)


def lost_interrupt(samples):
    """What the emulator has lost of a CPU, from (local APIC, registers) at several times; None
    if it has lost nothing.

    A handler runs with interrupts off until it has ended its interrupt. So one that stays in
    service while its CPU takes others has lost its handler or its end. The two parts of a
    sample are not of the same moment, so interrupts must be on in most of them.

    >>> busy, idle = "ISR\\t 236 \\nIRR\\t 236 ", "ISR\\t (none)\\nIRR\\t (none)"
    >>> on, off = "RFL=00000206", "RFL=00000006"
    >>> lost_interrupt([(busy, on), (busy, off), (busy, on)])
    'the end of an interrupt'
    >>> lost_interrupt([(busy, on), (busy, off), (busy, off)])  # a handler runs for long
    >>> lost_interrupt([(busy, on), (idle, on), (busy, on)])
    """
    if all(timer_is_lost(*sample) for sample in samples):
        return "the timer"
    most_are_on = sum(takes_interrupts(registers) for _, registers in samples) * 2 > len(samples)
    if most_are_on and all(in_service(lapic) for lapic, _ in samples):
        return "the end of an interrupt"
    return None


def stale_breakpoint(console):
    """Did the kernel die of a breakpoint that is not one of this tree: before its init ran, or
    in a function of the kernel itself and not of a module?

    The kernel patches its text by breakpoints, also later: when the first group of processes
    gets a CPU quota, or ftrace its first user. An emulated CPU can run one that another CPU
    has taken back, and then nothing knows that breakpoint.

    >>> stale_breakpoint("[    1.3] Oops: int3: 0000 [#1] SMP NOPTI")
    True
    >>> died = "[    1.3] guest: begin setup\\n[    2.4] Oops: int3: 0000 [#1] SMP NOPTI\\n"
    >>> stale_breakpoint(died + "[    2.4] RIP: 0010:__set_next_task_fair.part.0+0x28/0x1b0\\n")
    True
    >>> stale_breakpoint(died + "[    2.4] RIP: 0010:iommufd_fops_ioctl+0x28/0x1b0 [iommufd]\\n")
    False
    >>> stale_breakpoint(died)
    False
    """
    boot, _, rest = console.partition("guest: begin")
    if BREAKPOINT.search(boot):
        return True
    died = BREAKPOINT.search(rest)
    place = died and re.compile(r"RIP: 0010:\S+(.*)").search(rest, died.end())
    return bool(place) and "[" not in place[1]


class Watch(threading.Thread):
    """Watches a QEMU process until it ends. Kills it when its time is over, and when a stall
    is not the guest's fault; .excuse is then the reason of the stall."""

    def __init__(self, qemu, monitor, console, seconds, cap):  # pylint: disable=too-many-arguments
        super().__init__(daemon=True)
        self.qemu, self.path, self.console = qemu, monitor, console
        self.seconds, self.cap = seconds, cap
        self.waited = 0.0  # seconds in which the guest could not run
        self.killed = False
        self.excuse = None
        self.over = threading.Event()
        self.excusing = threading.Lock()  # for .excuse and QEMU's monitor
        self.history = deque(maxlen=WINDOW)
        self.last = {}

    def stop(self):
        """The run is over; ignore everything after this."""
        self.over.set()
        self.join()

    def waits(self):
        """Seconds each thread of QEMU has waited for a processor since the last call."""
        waits = {}
        for task in Path(f"/proc/{self.qemu.pid}/task").glob("*"):
            try:
                total = int((task / "schedstat").read_text(encoding="utf-8").split()[1]) / 1e9
            except (OSError, IndexError):
                continue
            waits[task.name] = total - self.last.get(task.name, total)
            self.last[task.name] = total
        return waits

    def run(self):
        try:
            self.follow()
        except Exception:  # only this thread ends the run
            self.kill()
            raise

    def follow(self):
        """Look once a second until the run is over."""
        started = before = time.monotonic()
        position = 0
        while not self.over.wait(1):
            now = time.monotonic()
            longest = min(max(self.waits().values(), default=0), now - before)
            self.waited += longest
            self.history.append((now - before, longest))
            before = now
            position, stalled, hung = self.new_stall(position)
            if (stalled or hung) and self.blame(starvation=stalled) and not self.over.is_set():
                self.kill()
                return
            if now - started - self.waited > self.seconds or now - started > self.cap:
                self.blame(starvation=False)
                self.kill()
                return

    def examine(self):
        """A test failed. If the emulator is the reason, set .excuse, end the guest, and
        return true."""
        if self.blame(starvation=False):
            self.kill()
        return bool(self.excuse)

    def blame(self, starvation=True):
        """Set .excuse, unless it is set: both threads ask, and QEMU's monitor has one client
        at a time. Return: .excuse."""
        with self.excusing:
            if self.excuse is None:
                self.excuse = self.explain(starvation)
            return self.excuse

    def kill(self):
        """End the guest."""
        self.killed = True
        self.qemu.kill()

    def new_stall(self, position):
        """Return: the end of the console's log, and whether it reports a stall, and a task that
        hangs, behind @position."""
        with open(self.console, "rb") as console:
            console.seek(position)
            text = console.read()
        end = text.rfind(b"\n") + 1
        lines = text[:end].decode(errors="replace")
        return position + end, bool(STALL.search(lines)), bool(HUNG.search(lines))

    def explain(self, starvation=True):
        """Why the guest hangs, if that is not the guest's fault; else None."""
        lost = self.lost_interrupts()
        if lost:
            return lost
        time_passed = sum(passed for passed, _ in self.history)
        waited = sum(longest for _, longest in self.history)
        if starvation and time_passed and waited > STARVED * time_passed:
            return f"the host did not run QEMU for {waited:.0f} of the last {time_passed:.0f} s"
        return None

    def lost_interrupts(self):
        """Which interrupts the emulator has lost, as text; None if it has lost none."""
        try:
            monitor = Monitor(self.path)
            samples = [[] for _ in monitor.ask("query-cpus-fast")]
            for number in range(SAMPLES):
                if number and self.over.wait(1):
                    return None
                for cpu, taken in enumerate(samples):
                    taken.append((monitor.info("lapic", cpu), monitor.info("registers", cpu)))
        except (OSError, ValueError, TypeError):
            return None
        lost = [f"{what} of CPU {cpu}" for cpu, what in enumerate(map(lost_interrupt, samples)) if what]
        return f"the emulator lost {', '.join(lost)}" if lost else None

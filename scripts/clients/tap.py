# SPDX-License-Identifier: GPL-2.0
"""Results as TAP."""

import contextlib
import sys
import time


class Tap:
    """Prints one line for each result. A result is "SCENARIO: STEP"."""

    def __init__(self):
        self.count, self.failed = 0, 0
        self.scenario = "start"

    def comment(self, text):
        for line in str(text).splitlines():
            print(f"# {line}", flush=True)

    def result(self, holds, step, why=""):
        """Print a result; the text says why it does not hold."""
        self.count += 1
        if not holds:
            self.failed += 1
            self.comment(why)
        print(f"{'ok' if holds else 'not ok'} {self.count} {self.scenario}: {step}", flush=True)
        return holds

    def step(self, name, function, *arguments):
        """Run a step, which fails by an exception. Return: what it returns, or None."""
        try:
            value = function(*arguments)
        except Exception as error:  # pylint: disable=broad-exception-caught
            self.result(False, name, f"{type(error).__name__}: {error}")
            raise Stop from error
        self.result(True, name)
        return value

    @contextlib.contextmanager
    def run(self, scenario):
        """A scenario: after a step that failed, the rest of it is left out."""
        self.scenario = scenario
        started = time.monotonic()
        try:
            yield
        except Stop:
            pass
        except Exception as error:  # pylint: disable=broad-exception-caught
            self.result(False, "was carried out", f"{type(error).__name__}: {error}")
        self.comment(f"{scenario}: {time.monotonic() - started:.0f} s")

    def end(self):
        print(f"1..{self.count}", flush=True)
        sys.exit(1 if self.failed else 0)


class Stop(Exception):
    """A step has failed and has been reported."""

"""What a test's reports come to."""

from .channel import sayable

# Of each text: as much as of a process's own output.
_LONGEST = 512 << 10
_HALF = _LONGEST // 2


def _bounded(text):
    text = sayable(text)
    if len(text) <= _LONGEST:
        return text
    left_out = len(text) - 2 * _HALF
    return f"{text[:_HALF]}\n... {left_out} characters left out ...\n{text[-_HALF:]}"


def _line(text):
    return sayable(str(text).strip().split("\n", 1)[0])[:1000]


def _why_failed(report):
    """One line: what was raised, and where it was not in the test itself."""
    crash = getattr(report.longrepr, "reprcrash", None)
    said = _line(crash.message if crash is not None else report.longreprtext or "it failed")
    return said if report.when == "call" else f"in its {report.when}: {said}"


def _why_skipped(report):
    if hasattr(report, "wasxfail"):
        return f"expected to fail: {_line(report.wasxfail)}" if report.wasxfail \
            else "expected to fail"
    if isinstance(report.longrepr, tuple):
        return _line(report.longrepr[2]).replace("Skipped: ", "", 1)
    return _line(report.longreprtext)


class Verdict:
    """Failed if any part of it is: setup, the test, a subtest, teardown."""

    def __init__(self):
        self._failures, self._skipped, self._ran = [], None, False
        self._reports, self._tries = [], 1

    def add(self, report):
        self._reports.append(report)
        if report.outcome == "rerun":  # pytest-rerunfailures
            self._tries += 1
        elif report.failed:
            self._failures.append((_why_failed(report), _bounded(report.longreprtext)))
        elif report.skipped and self._is_of_all(report):
            self._skipped = _why_skipped(report)
        elif report.when == "call":
            self._ran = True

    @staticmethod
    def _is_of_all(report):
        return not hasattr(report, "context")  # that of a subtest says nothing of the rest

    def fail(self, why):
        self._failures.append((_line(why), ""))

    def has_failed(self):
        return bool(self._failures)

    def place_failure(self, where):
        """Says before its reason which of several runs it is of."""
        if self._failures:
            reason, report = self._failures[0]
            self._failures[0] = (f"{where}: {reason}", report)

    def message(self):
        if self._failures:
            outcome, reason = "failed", self._failures[0][0]
            if len(self._failures) > 1:
                reason += f" (and {len(self._failures) - 1} more)"
        elif self._skipped is not None:
            outcome, reason = "skipped", self._skipped
        elif not self._ran:
            outcome, reason = "failed", "no plugin reported how it ended"
        else:
            outcome = "passed"
            reason = f"in try {self._tries}, by pytest-rerunfailures" if self._tries > 1 else ""
        said = {"outcome": outcome, "reason": reason}
        if self._failures:
            said["report"] = "\n\n".join(text for _, text in self._failures if text)
        # The last report has what was captured in all parts of the test.
        sections = self._reports[-1].sections if self._reports else []
        if sections:
            said["sections"] = [[sayable(name), _bounded(text)] for name, text in sections]
        return said

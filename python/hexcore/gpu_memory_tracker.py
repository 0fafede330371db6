"""GPUMemoryTracker: hexcore.Tracker by the names that programs for GPUs look for."""

import logging

from .fragmentation import fragmentation
from .tracker import Tracker, expect_neutral

_MIB = 1 << 20
# With each repeat of a label, and with time where nothing repeats.
_LEAKS = ("leak", "driver")
_GROWS = ("growing",)
_log = logging.getLogger("hexcore")


class GPUMemoryTracker:
    """Watches the memory of this process, of its children and of each GPU.

    `alert_threshold_mb` (in MiB) is what a device may gain over the baseline, which is what is in
    use at the start, before a warning goes to the logger `hexcore`; `sampling_interval_s` is in
    seconds. Without the library nothing is watched, which start_monitoring() says.
    """

    def __init__(self, alert_threshold_mb=100, sampling_interval_s=0.5):
        if alert_threshold_mb < 0:
            raise ValueError(f"a threshold of {alert_threshold_mb} MiB; it is 0 (none) or more")
        self._alert_bytes = int(alert_threshold_mb * _MIB)
        self._interval_s = sampling_interval_s
        self._tracker = None
        self.alerts = []  # (device, bytes in use, bytes since the start)

    def __enter__(self):
        self.start_monitoring()
        return self

    def __exit__(self, *_):
        self.stop_monitoring()

    def start_monitoring(self):
        """Takes the baseline, and samples from now on. Raises RuntimeError if it does already."""
        if self._tracker is not None and self._tracker.is_running:
            raise RuntimeError("it is monitoring already; stop_monitoring() first")
        self.alerts = []
        self._tracker = Tracker(interval_s=self._interval_s, alert_bytes=self._alert_bytes,
                                on_alert=self._alert)

    def _alert(self, device, used_bytes, since_start_bytes):
        self.alerts.append((device, used_bytes, since_start_bytes))
        _log.warning("%s: %.0f MiB more in use than at the start, %.0f MiB in all", device,
                     since_start_bytes / _MIB, used_bytes / _MIB)

    def stop_monitoring(self):
        """Returns what analyze_memory_patterns() does, of all the time that it was watched. Raises
        RuntimeError if start_monitoring() was never called."""
        return _patterns(self._started().stop())

    def _started(self):
        if self._tracker is None:
            raise RuntimeError("nothing was monitored; call start_monitoring() first")
        return self._tracker

    def analyze_memory_patterns(self):
        """A dictionary of what was found so far, or until stop_monitoring():

        - "leaks": labels whose repeats leave memory behind, and devices that grow with time where
          no label says with what; each with its verdict and how much;
        - "growth": each device's name: peak, and growth after warm-up;
        - "fragmentation": what allocators keep and nobody uses, now;
        - "recording": all of it, the document hexcore.recording/1.

        Raises RuntimeError if start_monitoring() was never called.
        """
        return _patterns(self._started().analysis())

    def check_neutral(self, name, function):
        """Whether memory stays after function(), which is repeated; see hexcore.expect_neutral."""
        return expect_neutral(name, function)

    def visualize_memory_usage(self, save_path):
        """Writes the graphs over time up to the last sample, or until stop_monitoring(): by the
        path's suffix .svg, .html, .json, .csv or .trace.json. Raises RuntimeError if
        start_monitoring() was never called, ValueError if it cannot be written."""
        self._started().picture(save_path)


def _patterns(recording):
    devices = recording["devices"]
    leaks = [{"label": repeated["label"], **found} for repeated in recording.get("repeats", [])
             for found in repeated["devices"] if found["verdict"] in _LEAKS]
    leaks += [{"label": None, "device": device["name"], **device["growth"]} for device in devices
              if device["growth"]["verdict"] in _GROWS]
    return {"leaks": leaks,
            "growth": {device["name"]: {"peak_bytes": device["peak_bytes"], **device["growth"]}
                       for device in devices},
            "fragmentation": fragmentation(),
            "recording": recording}

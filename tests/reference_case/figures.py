"""What has to be true of memory figures wherever they are told."""

import os

from program import on

DEVICES = [*on("320MiB", "320MiB"), "--reserve", "8MiB"]
GREEDY = ["--temp", 0]
MIB = 1 << 20

# Keys and values of 30 layers with 3 heads of 64 elements; a block of q8_0 has 34 bytes for 32.
CELL_BYTES = {"f16": 30 * 2 * 3 * 64 * 2, "q8_0": 30 * 2 * 3 * 64 * 34 // 32}

# A device's memory is a few mappings, of each of which the kernel counts whole pages.
ROUNDING = 8 * os.sysconf("SC_PAGE_SIZE")


def assert_as_planned(devices):
    """Planned is accounted, to the byte, and measured but for whole pages; nothing was refused."""
    assert len(devices) == 2
    for device in devices:
        assert device["planned"] == device["accounted"]
        total = device["accounted"]["total_bytes"]
        assert device["peak_bytes"] == total <= device["budget_bytes"]
        assert 0 <= device["measured_bytes"] - total < ROUNDING
        assert device["refused"] == 0


def assert_nothing_left(report):
    assert len(report["after_unload"]) == 2
    for device in report["after_unload"]:
        assert (device["accounted_bytes"], device["measured_bytes"]) == (0, 0)


def planned_kv_bytes(devices):
    return sum(device["planned"]["kv_bytes"] for device in devices)


def assert_true_cache_stats(stats, devices, kv_type="f16", tokens=None):
    """The cache's figures are those of the plan, and of the tokens in it. `tokens`: of the session
    that was asked, where it alone has any."""
    cell = CELL_BYTES[kv_type]
    assert stats["kv_type"] == kv_type
    assert stats["bytes_total"] == stats["cells_total"] * cell == planned_kv_bytes(devices)
    assert stats["bytes_used"] == stats["cells_used"] * cell
    assert stats["bytes_used"] <= stats["high_water_bytes"] <= stats["bytes_total"]
    assert stats["estimated_memory_mb"] == stats["seq_length"] * cell / MIB
    if tokens is not None:
        assert stats["seq_length"] == stats["cells_used"] == tokens
    for part in ("bytes_total", "bytes_used", "high_water_bytes"):
        assert sum(device[part] for device in stats["devices"]) == stats[part]

"""hexcore watch --stacks: a report names the functions that took memory."""

import json
import re


def test_what_hexcores_devices_hold_was_taken_by_functions_with_names(hexcore, demo_model,
                                                                      tmp_path):
    recording, page = tmp_path / "run.hxr", tmp_path / "run.html"
    outcome = hexcore("watch", "--stacks", "-o", recording, "--", hexcore.path, "run", demo_model,
                      "--device", "host=320MiB", "--device", "host=320MiB", "--reserve", "8MiB",
                      "-n", "1", "--raw", "-p", "Gravity")
    assert outcome.code == 0, outcome.stderr
    assert hexcore("report", recording, "-o", page) == (0, "", "")
    data = json.loads(re.search(r'id="data">(.*?)</script>', page.read_text(), re.DOTALL)[1])
    experts = [site for site in data["sites"] if site["purpose"] == "experts"]
    assert {site["device"] for site in experts} == {"host0", "host1"}
    for site in experts:
        frames = data["stacks"][str(site["stack"])]
        assert not frames[0].startswith("hexcore::Ledger"), "not within what tells of it"
        assert any("ExpertBuffer::allocate" in frame for frame in frames)
        assert any(frame.endswith(" in libllama.so.0") for frame in frames)

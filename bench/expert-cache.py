"""What a cache of experts that lie in main memory would hit and move, by size and policy: traces of
`hexcore run --trace-routing FILE` played to caches, as if all experts lay in main memory.

Without a trace: one of the demo model, whose routers are random, over what a trained model makes of
five texts, and of a documented model of skew and locality (bench/synthetic_routing.hpp); without
both, the hit rate is the share of the experts that is in the cache, whatever the policy. The first
half of a trace fills the caches, the second is counted. Batches of more tokens than --batch are
prompts, which are computed another way.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from probing import probes

# Of texts that have little to do with each other, one after the other.
QUESTIONS = """Write a long story about a lighthouse keeper.
Explain how the heart pumps blood, in detail.
Write Python code that sorts a list of words by length and explain it.
Describe the history of Rome in ten paragraphs.
List twenty animals with a sentence about each.
"""


def title(policy):
    if policy.startswith("second_miss_"):
        return f"second miss, {policy.split('_')[2]} a token"
    return {"plain_lru": "plain LRU", "most_used_before": "most used before",
            "most_used_then": "most used then", "random": "random"}[policy]


def demo_trace(folder):
    """Of the demo model; None where there is none."""
    if not (model := os.environ.get("HEXCORE_MODEL")):
        return None
    program = Path(os.environ.get("HEXCORE_BUILD", "build/release")) / "hexcore"
    trace = Path(folder) / "demo-model"
    subprocess.run([program, "run", model, "-n", "150", "--seed", "1", "--ctx", "4096",
                    "--trace-routing", trace], check=True, input=QUESTIONS, text=True,
                   stdout=subprocess.DEVNULL)
    return trace


def show(found, uploads):
    for trace in found["traces"]:
        model = "" if trace["model"] == trace["trace"] else f" ({trace['model']})"
        print(f"\n{trace['trace']}{model}: {trace['layers']} layers, "
              f"{trace['experts']} experts, {trace['used_by_a_token']} used by a token; "
              f"{trace['batches_counted']} of {trace['batches']} batches counted")
        print(f"of a token's experts {trace['repeated_of_lookups_ratio']:.0%} were the last one's; "
              f"the most used quarter has {trace['most_used_quarter_of_lookups_ratio']:.0%}")
        policies = list(trace["caches"][0]["policies"])
        print(f"{'hit, and MB copied a token':28}" +
              "".join(f"{cache['slots_of_experts_ratio']:>9.1%} in it"
                      for cache in trace["caches"]))
        for policy in policies:
            cells = [cache["policies"][policy] for cache in trace["caches"]]
            print(f"{title(policy):28}" + "".join(
                f"{cell['hits_of_lookups_ratio']:>7.1%}"
                f"{cell['uploaded_bytes_per_token'] / 1e6:>9.1f}" for cell in cells))
    print(f"\nsecond miss: the cache's own policy, with at most {', '.join(uploads)} copies a "
          f"token, found {found['delay_tokens']} token later than decided; LRU and random copy "
          "each miss while the token waits;\nmost used: before, of the half that is not counted; "
          "then, of the one that is, which nobody can know")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    probes.add_options(parser, "expert_cache")
    parser.add_argument("traces", nargs="*", metavar="TRACE")
    parser.add_argument("--shares", default="0.05,0.125,0.25,0.4,0.6",
                        help="of all experts, that a cache has slots for")
    parser.add_argument("--uploads", default="2,8,32", help="copies a token, at most")
    parser.add_argument("--window", type=int, default=64, help="tokens between two misses, at most")
    parser.add_argument("--delay", type=int, default=1, help="tokens until a copy is there")
    parser.add_argument("--batch", type=int, default=8, help="tokens of a batch, at most")
    parser.add_argument("--format", choices=["table", "json"], default="table")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        traces = [Path(trace).resolve() for trace in arguments.traces]
        demo = None if traces else demo_trace(folder)
        words = [*traces, *([demo] if demo else []), *([] if traces else ["--synthetic"])]
        try:
            found = probes.figures_of(
                arguments.probe, *words, "--shares", arguments.shares, "--uploads",
                arguments.uploads, "--window", arguments.window, "--delay", arguments.delay,
                "--batch", arguments.batch)
        except subprocess.CalledProcessError as error:
            sys.exit(error.returncode)  # it has said why
    for trace in found["traces"]:
        trace["trace"] = Path(trace["trace"]).name
    if arguments.format == "json":
        json.dump(found, sys.stdout)
        print()
        return
    show(found, arguments.uploads.split(","))


if __name__ == "__main__":
    main()

"""The programs bench_NAME_probe, which measure in a process of their own."""

import json
import os
import subprocess


def add_options(parser, name):
    """What all that run bench_NAME_probe over a model are told."""
    parser.add_argument("--model", default=os.environ.get("HEXCORE_MODEL"))
    parser.add_argument("--probe", help=f"the program bench_{name}_probe",
                        default=os.path.join(os.environ.get("HEXCORE_BUILD", "build/release"),
                                             "bench", f"bench_{name}_probe"))


def figures_of(probe, *options, environment=None):
    """The JSON that it prints."""
    # As hexcore waits: by default OpenMP's threads would spin where cores are few.
    environment = {"GOMP_SPINCOUNT": "1000"} | (environment or os.environ)
    run = subprocess.run([str(word) for word in (probe, *options)], stdout=subprocess.PIPE,
                         check=True, env=environment)
    return json.loads(run.stdout)

"""Holds the tree against the rules, and every rule against a small tree that breaks it.

    python3 tests/architecture/architecture_test.py [-v]
"""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import rules  # noqa: E402
from source_tree import Tree  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]

CLEAN = {
    "src/hexcore/base/bytes.hpp": "#pragma once\n\n#include <cstdint>\n",
    "src/hexcore/plan/planner.cpp": '#include "hexcore/base/bytes.hpp"\n\nint f() { return 1; }\n',
    "src/hexcore/report/llama_cpp.cpp": '#include "hexcore/report/llama_cpp.hpp"\n',
    "src/hexcore/backend/device.cpp": '#include "ggml-backend-impl.h"\n\n#include "ggml.h"\n',
    "src/hexcore/runtime/context_memory.cpp": '#include "llama-ext.h"\n#include <llama.h>\n',
    "src/hexcore/device/driver.cpp": 'void* open() { return dlopen("libcuda.so.1", 1); }\n',
    "src/hexcore/cli/main.cpp": "// may throw\nvoid say() { std::cout << \"throw\"; }\n",
    "tests/plan/CMakeLists.txt": "hexcore_test(plan\n    SOURCES a_test.cpp)\n",
    "tests/plan/a_test.cpp": "int a;\n",
    "README.md": "# Clean\n",
}

# rule, what it must say, and the files that break it
BROKEN = [
    (rules.dependencies, "base must not include plan",
     {"src/hexcore/base/a.hpp": '#pragma once\n#include "hexcore/plan/plan.hpp"\n'}),
    (rules.dependencies, "report must not include cli",
     {"src/hexcore/report/a.cpp": '#  include "hexcore/cli/options.hpp"\n'}),
    (rules.dependencies, "module extras is not in the dependency table",
     {"src/hexcore/extras/a.cpp": "int a;\n"}),
    (rules.no_cycles, "hexcore/plan/a.hpp -> hexcore/plan/b.hpp -> hexcore/plan/a.hpp",
     {"src/hexcore/plan/a.hpp": '#pragma once\n#include "hexcore/plan/b.hpp"\n',
      "src/hexcore/plan/b.hpp": '#pragma once\n#include "hexcore/plan/a.hpp"\n'}),
    (rules.one_definition, "b.hpp:2: Verdict is another type in src/hexcore/judge/a.hpp",
     {"src/hexcore/judge/a.hpp": "#pragma once\nenum class Verdict { none };\n",
      "src/hexcore/plan/b.hpp": "#pragma once\nstruct Verdict final {\n};\n"}),
    (rules.standard_headers, "b.cpp:2: <cstdint> is not included",
     {"src/hexcore/plan/a.hpp": "#pragma once\n#include <algorithm>\n",
      "src/hexcore/plan/b.cpp": '#include "hexcore/plan/a.hpp"\n'
                                "std::int32_t f() { return std::max(1, 2); }\n"}),
    (rules.ggml_headers, "llama.h outside model, backend, runtime and plugin",
     {"src/hexcore/report/a.cpp": "#include <llama.h>\n"}),
    (rules.ggml_headers, "gguf.h outside model, backend, runtime and plugin",
     {"src/hexcore/cli/a.cpp": '#include "gguf.h"\n'}),
    (rules.ggml_headers, "internal header ggml-impl.h outside backend",
     {"src/hexcore/runtime/a.cpp": '#include "ggml-impl.h"\n'}),
    (rules.ggml_headers, "internal header llama-ext.h",
     {"src/hexcore/backend/a.cpp": '#include "llama-ext.h"\n'}),
    (rules.ggml_headers, "internal header llama-memory-hybrid.h",
     {"src/hexcore/runtime/a.cpp": '#include "llama-memory-hybrid.h"\n'}),
    (rules.common_headers, "common outside chat",
     {"src/hexcore/runtime/a.cpp": '#include "chat.h"\n'}),
    (rules.common_headers, "common in more than one file",
     {"src/hexcore/chat/a.cpp": '#include "chat.h"\n',
      "src/hexcore/chat/b.cpp": '#include "common.h"\n'}),
    (rules.built_tests, "tests/plan/b_test.cpp: tests/plan/CMakeLists.txt does not name it",
     {"tests/plan/CMakeLists.txt": "hexcore_test(plan\n    SOURCES bb_test.cpp)\n",
      "tests/plan/b_test.cpp": "int b;\n"}),
    (rules.drivers, "driver header nvml.h",
     {"src/hexcore/device/a.cpp": "#include <nvml.h>\n"}),
    (rules.drivers, "driver header cuda_runtime.h",
     {"tests/device/a.cpp": "#include <cuda_runtime.h>\n"}),
    (rules.drivers, "dlopen outside device",
     {"src/hexcore/backend/a.cpp": "void* p = dlopen(name, 1);\n"}),
    (rules.plan_is_pure, "must not use <chrono>",
     {"src/hexcore/plan/a.cpp": "#include <chrono>\n"}),
    (rules.plan_is_pure, "plan must not print",
     {"src/hexcore/plan/a.cpp": "void f() { fmt::print(text); }\n"}),
    (rules.no_exceptions, "a.cpp:2: throw",
     {"src/hexcore/model/a.cpp": "void f() {\n    throw 1;\n}\n"}),
    (rules.printing, "std::cout outside cli",
     {"src/hexcore/report/a.cpp": "void f() { std::cout << 1; }\n"}),
    (rules.option_names, "a.cpp:2: names an option",
     {"src/hexcore/plugin/a.cpp": 'const char* a = "`hexcore plan --plugin --format json`";\n'
                                  'const char* b = "too long; lower"\n    " --ctx";\n'}),
    (rules.option_names, "a.cpp:1: names an option",
     {"src/hexcore/api/a.cpp": 'const char* a = "--ctx is too long";\n'}),
    (rules.option_names, "a.cpp:1: names an option",
     {"src/hexcore/report/a.cpp": 'const char* a = "the context is full (--ctx)";\n'}),
    (rules.option_names, "a.cpp:1: names an option",
     {"src/hexcore/device/a.cpp": 'const char* a = "run `hexcore devices --measure` again";\n'}),
    (rules.option_names, "a.cpp:2: names an option or a variable",
     {"src/hexcore/device/a.cpp": 'const char* a = "HEXCORE_CACHE";\n'
                                  'const char* b = "set HEXCORE_CACHE";\n'}),
    (rules.headers_begin_with_pragma_once, "a.hpp:1",
     {"src/hexcore/base/a.hpp": "// first a comment\n#pragma once\n"}),
    (rules.headers_begin_with_pragma_once, "empty.hpp:1", {"tests/support/empty.hpp": ""}),
    (rules.sizes, "401 lines", {"src/hexcore/base/a.cpp": "int a;\n" * 401}),
    (rules.sizes, "a.py:2: 101 columns", {"tools/a.py": "a = 1\n" + "#" * 101 + "\n"}),
    (rules.function_length, "a function of 71 lines",
     {"src/hexcore/base/a.cpp": "int f(int a) {\n" + "    ++a;\n" * 69 + "}\n"}),
    (rules.function_length, "a.cpp:2: a function of 72 lines",
     {"tests/base/a.cpp": "struct S {\n    int f() const\n    {\n" + "    ++a;\n" * 69
                          + "    }\n};\n"}),
    (rules.words, "unfinished", {"tools/a.py": "# TO" + "DO: more\n"}),
    (rules.words, "unfinished", {"docs/a.md": "A HA" + "CK.\n"}),
    (rules.words, "a private path", {"cmake/a.cmake": "set(X /ho" + "me/me/x)\n"}),
    (rules.words, "a private path", {"dev": "ls /wo" + "rk/x\n"}),
    (rules.words, "a registry's host name", {".ci/run": "curl https://py" + "pi.org/simple\n"}),
]


def tree_of(folder, files):
    for name, text in files.items():
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Tree(folder)


class TheProject(unittest.TestCase):
    """One test per rule, made below."""


class EveryRule(unittest.TestCase):
    def test_accepts_a_clean_tree(self):
        with tempfile.TemporaryDirectory() as folder:
            tree = tree_of(folder, CLEAN)
            self.assertEqual([], [line for rule in rules.RULES for line in rule(tree)])

    def test_reports_what_breaks_it(self):
        for rule, message, files in BROKEN:
            with self.subTest(rule=rule.__name__, message=message):
                with tempfile.TemporaryDirectory() as folder:
                    found = rule(tree_of(folder, CLEAN | files))
                    self.assertTrue(any(message in line for line in found),
                                    f"{message!r} is not in {found}")

    def test_is_proven_by_a_tree_that_breaks_it(self):
        self.assertEqual(set(rules.RULES), {rule for rule, _, _ in BROKEN})


def _holds(rule):
    def test(self):
        violations = rule(self.tree)
        if violations:
            self.fail("\n" + "\n".join(violations))
    test.__doc__ = rule.__doc__
    return test


TheProject.tree = Tree(ROOT)
for _rule in rules.RULES:
    setattr(TheProject, f"test_{_rule.__name__}", _holds(_rule))

if __name__ == "__main__":
    unittest.main()

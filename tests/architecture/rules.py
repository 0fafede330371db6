"""The rules of the architecture and the house style that a program can check.

Each rule is a function from a Tree to a list of violations, each "path:line: what is wrong".
"""

import re

# What each module of src/hexcore may include besides itself. Dependencies point down.
ALLOWED = {
    "base": "",
    "database": "base",
    "process": "base",
    "ledger": "base",
    "device": "base",
    "recording": "base",
    "track": "base ledger recording",
    "judge": "base",
    "watch": "base process device recording track judge",
    "cage": "base process device recording track watch",
    "reserve": "base process device watch cage",
    "isolate": "base database process device recording track judge watch cage reserve",
    "model": "base",
    "plan": "base ledger device model",
    "chat": "base",
    "backend": "base ledger device track model plan",
    # Of report, the plain data of run_report.hpp: what a run and a comparison say.
    "runtime": "base ledger device model plan chat backend report",
    "report": "base ledger device recording judge watch cage isolate model plan",
    "tracker": "base device recording track judge watch report",
    "nvtx": "",
    "session": "base ledger device model plan backend runtime report",
    "api": "base process ledger device track model plan chat backend runtime report session",
    "assistant": "base database model plan chat runtime report session api",
    "serve": "base process ledger device model plan chat backend runtime report session api "
             "assistant",
    "plugin": "base ledger device model plan backend report",
    "cli": "base process ledger device recording judge watch cage reserve isolate model plan chat "
           "backend runtime report session api assistant serve",
}
GGML_MODULES = {"model", "backend", "runtime", "session", "plugin"}
GGML_HEADER = re.compile(r"^(ggml|gguf|llama)[\w.-]*\.h(pp)?$")
LLAMA_INTERNAL = re.compile(r"^llama-(adapter|ext|context|io|kv-cache.*|memory.*|model)\.h$")
# Which files know them: what a context takes, its adapters, and what is in its cache.
LLAMA_INTERNAL_USERS = {"src/hexcore/runtime/context_memory.cpp",
                        "src/hexcore/runtime/context_adapters.cpp",
                        "src/hexcore/runtime/cache_cells.cpp"}
GGML_INTERNAL = {"ggml-impl.h", "ggml-backend-impl.h"}
# Of llama.cpp's common: they give names without a namespace to whoever includes them.
COMMON_HEADERS = {"chat.h", "common.h", "json.h", "json-schema.h", "json-schema-to-grammar.h",
                  "log.h", "peg-parser.h", "sampling.h", "trie.h", "unicode.h"}
DRIVER_HEADER = re.compile(r"^(cuda|cuda_runtime|cuda_runtime_api|cudart_platform|nvml)\.h$")
IMPURE_HEADERS = {"chrono", "ctime", "time.h", "iostream", "cstdio", "stdio.h", "dlfcn.h"}

# Names that one standard library brings along with other headers, and its next version doesn't.
STANDARD_NAMES = {
    "algorithm": r"(ranges::)?(sort|stable_sort|max|min|max_element|min_element|clamp|all_of|any_of"
                 r"|none_of|find|find_if|count|count_if|copy|copy_n|fill|fill_n|transform|equal"
                 r"|reverse|lower_bound|upper_bound|unique|search|for_each)\(",
    "chrono": r"chrono\b",
    "cmath": r"(sqrt|log|exp|isnan|isinf|isfinite|fabs|round|llround|floor|ceil|pow)\(",
    "cstdint": r"u?int(8|16|32|64|ptr)_t\b",
    "cstdlib": r"(getenv|exit|abort|strtol|strtoull|malloc|free)\(",
    "cstring": r"(memcpy|memset|memcmp|strlen|strcmp|strncmp|strerror|strchr|strstr)\(",
    "functional": r"function<",
    "limits": r"numeric_limits<",
    "memory": r"(unique_ptr|shared_ptr|make_unique|make_shared)<",
    "numeric": r"(accumulate|iota|reduce)\(",
    "optional": r"(optional<|nullopt\b)",
    "tuple": r"(tuple<|tie\()",
}

# An option within a sentence, and the whole command of the program that it may belong to.
OPTION = re.compile(r"(?:^|[ (`])--[a-z][a-z-]*[^a-z-]|[ (`]--[a-z-]+$")
COMMAND = re.compile(r"`hexcore (?:plan|devices)(?: --[a-z]+(?: json| llama\.cpp)?| MODEL)+`")
# A variable of the environment or of a build within a sentence; alone it is what a program reads.
VARIABLE = re.compile(r"\bHEXCORE_[A-Z_]+\b(?!$)|.\bHEXCORE_[A-Z_]+$", re.DOTALL)

# At the beginning of a line: not those within another.
TYPE_DEFINITION = re.compile(r"^(?:enum class|struct|class)\s+(\w+)[^;{()]*\{", re.MULTILINE)

COMMAND_FOR_PLUGIN = "src/hexcore/report/plan_plugin.cpp"
# The options there are those of test frameworks.
WORDS_FOR_FRAMEWORK = re.compile(r"src/hexcore/isolate/\w+_suite\.cpp")

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 70
MAX_COLUMNS = 100

# Put together here so that this file does not violate its own rules.
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
PRIVATE_PATHS = re.compile(r"(?<![\w./$}-])/(?:" + "wo" + r"rk|ho" + r"me|ro" + r"ot)/\w")
REGISTRY_HOSTS = re.compile(r"\b(?:py" + r"pi\.org|files\.python" + r"hosted\.org)\b")


def dependencies(tree):
    """Every include of src/ against the table above."""
    bad = []
    for file in tree.src:
        if file.module is None:
            continue
        allowed = ALLOWED.get(file.module)
        if allowed is None:
            bad.append(f"{file.path}:1: module {file.module} is not in the dependency table")
            continue
        for line, header in file.includes:
            match = re.match(r"hexcore/(\w+)/", header)
            if match and match[1] != file.module and match[1] not in allowed.split():
                bad.append(f"{file.path}:{line}: {file.module} must not include {match[1]}")
    return bad


def no_cycles(tree):
    """No file includes itself by way of others."""
    files = {file.path.removeprefix("src/"): file for file in tree.src}
    finished, bad = set(), []

    def visit(name, trail):
        if name in trail:
            cycle = " -> ".join(trail[trail.index(name):] + [name])
            bad.append(f"{files[name].path}:1: include cycle {cycle}")
            return
        if name in finished:
            return
        for _, header in files[name].includes:
            if header in files:
                visit(header, trail + [name])
        finished.add(name)

    for name in files:
        visit(name, [])
    return bad


def one_definition(tree):
    """A name is one type's: two of one name that are linked into one program are one to the linker,
    and to the compiler where files are compiled several at a time."""
    first, bad = {}, []
    for file in tree.src:
        if not file.path.endswith(".hpp"):
            continue
        for match in TYPE_DEFINITION.finditer(file.code):
            other = first.setdefault(match[1], file.path)
            if other != file.path:
                line = file.code.count("\n", 0, match.start()) + 1
                bad.append(f"{file.path}:{line}: {match[1]} is another type in {other}")
    return bad


def standard_headers(tree):
    """What a file uses of the standard library, it includes, itself or by headers of ours."""
    files = {file.path: file for file in tree.cpp}

    def included(file, seen):
        seen.add(file.path)
        names = set()
        for _, header in file.includes:
            beside = f"{file.path.rpartition('/')[0]}/{header}"
            ours = [path for path in (f"src/{header}", f"tests/{header}", beside) if path in files]
            names.add(header)
            names.update(*(included(files[path], seen) for path in ours if path not in seen))
        return names

    bad = []
    for file in tree.cpp:
        names = included(file, set())
        for header, pattern in STANDARD_NAMES.items():
            if header not in names:
                bad += [f"{file.path}:{line}: <{header}> is not included"
                        for line in file.uses(r"\bstd::" + pattern)]
    return bad


def ggml_headers(tree):
    """ggml and llama only in model, backend, runtime, session and plugin; ggml's internal headers
    only in backend; libllama's staging header and its internal ones where they are known."""
    bad = []
    for file in tree.src:
        for line, header in file.includes:
            name = header.rsplit("/", 1)[-1]
            if header.startswith("hexcore/") or not GGML_HEADER.match(name):
                continue
            where = f"{file.path}:{line}: "
            if file.module not in GGML_MODULES:
                bad.append(where + f"{name} outside model, backend, runtime and plugin")
            elif name in GGML_INTERNAL and file.module != "backend":
                bad.append(where + f"ggml's internal header {name} outside backend")
            elif LLAMA_INTERNAL.match(name) and file.path not in LLAMA_INTERNAL_USERS:
                bad.append(where + f"libllama's internal header {name}")
    return bad


def common_headers(tree):
    """llama.cpp's common in one file of chat."""
    users = {}
    for file in tree.src:
        for line, header in file.includes:
            if header in COMMON_HEADERS:
                users.setdefault(file.path, f"{file.path}:{line}: ")
    bad = [where + "llama.cpp's common outside chat"
           for path, where in users.items() if not path.startswith("src/hexcore/chat/")]
    if len(users) > 1:
        bad += [where + "llama.cpp's common in more than one file" for where in users.values()]
    return bad


def drivers(tree):
    """CUDA and NVML are opened at run time, in device and nowhere else."""
    bad = []
    for file in tree.cpp:
        for line, header in file.includes:
            if DRIVER_HEADER.match(header.rsplit("/", 1)[-1]):
                bad.append(f"{file.path}:{line}: driver header {header}; open it at run time")
        if file.path.startswith("src/") and file.module != "device":
            bad += [f"{file.path}:{line}: dlopen outside device"
                    for line in file.uses(r"\bdlm?open\s*\(")]
    return bad


def plan_is_pure(tree):
    """plan is a pure function: no clock, no driver, no printing."""
    bad = []
    for file in tree.src:
        if file.module == "plan":
            bad += [f"{file.path}:{line}: plan is pure and must not use <{header}>"
                    for line, header in file.includes if header in IMPURE_HEADERS]
            bad += [f"{file.path}:{line}: plan must not print"
                    for line in file.uses(r"\bfmt::print\w*\s*\(")]
    return bad


def no_exceptions(tree):
    """Expected failures are values; nothing in src/ throws."""
    return [f"{file.path}:{line}: throw; return a Result or use HEXCORE_CHECK"
            for file in tree.src for line in file.uses(r"\bthrow\b")]


def printing(tree):
    """Only the command line writes to std::cout."""
    return [f"{file.path}:{line}: std::cout outside cli"
            for file in tree.src if file.module != "cli" for line in file.uses(r"\bstd::cout\b")]


def option_names(tree):
    """Sentences name options of the program only in cli, its variables only there and in plugin,
    which may also name a whole command of the program; a command for the plugin has both."""
    bad = []
    for file in tree.src:
        if (file.module == "cli" or file.path == COMMAND_FOR_PLUGIN
                or WORDS_FOR_FRAMEWORK.fullmatch(file.path)):
            continue
        for line, text in file.literals:
            if file.module == "plugin":
                is_bad = OPTION.search(COMMAND.sub("", text))
            else:
                is_bad = OPTION.search(text) or VARIABLE.search(text)
            if is_bad:
                bad.append(f"{file.path}:{line}: names an option or a variable; give the Error a "
                           f"Remedy: {text}")
    return bad


def headers_begin_with_pragma_once(tree):
    return [f"{file.path}:1: the first line of a header is #pragma once"
            for file in tree.cpp
            if file.suffix == ".hpp" and file.lines[:1] != ["#pragma once"]]


def sizes(tree):
    """Files up to 400 lines, lines up to 100 columns."""
    bad = []
    for file in tree.files:
        if not file.is_cpp and file.suffix not in {".py", ".sh", ".cmake"}:
            continue
        if len(file.lines) > MAX_FILE_LINES:
            bad.append(f"{file.path}:1: {len(file.lines)} lines, more than {MAX_FILE_LINES}")
        bad += [f"{file.path}:{number}: {len(line)} columns, more than {MAX_COLUMNS}"
                for number, line in enumerate(file.lines, 1) if len(line) > MAX_COLUMNS]
    return bad


_NOT_A_FUNCTION = re.compile(
    r"^\s*(if|else|for|while|do|switch|try|catch|namespace|class|struct|union|enum|extern)\b")
_PREPROCESSOR = re.compile(r"^\s*#[^\n]*", re.MULTILINE)
_ASSIGNMENT = re.compile(r"(?<![=!<>\w])=(?!=)")


def _is_function_head(head):
    if "(" not in head or _NOT_A_FUNCTION.match(head):
        return False
    return "operator" in head or not _ASSIGNMENT.search(head)


def functions(code):
    """(first line, last line) of each function body in code without comments and literals.

    A brace opens a function where the text before it, back to the end of the statement before,
    has a parameter list and is no control statement, type, namespace or initialiser.
    """
    found, open_braces, start, line = [], [], 0, 1
    parentheses, start_line = 0, 1
    for index, char in enumerate(code):
        if char == "\n":
            line += 1
        if not code[start:index].strip():
            start_line = line
        if char == "(":
            parentheses += 1
        elif char == ")":
            parentheses = max(0, parentheses - 1)
        elif char == "{":
            head = _PREPROCESSOR.sub("", code[start:index])
            is_function = parentheses == 0 and _is_function_head(head)
            open_braces.append((is_function, start_line, parentheses))
            parentheses, start = 0, index + 1
        elif char == "}" and open_braces:
            is_function, first, parentheses = open_braces.pop()
            if is_function:
                found.append((first, line))
            start = index + 1
        elif char == ";" and parentheses == 0:
            start = index + 1
    return found


def function_length(tree):
    """Functions up to 70 lines."""
    return [f"{file.path}:{first}: a function of {last - first + 1} lines, "
            f"more than {MAX_FUNCTION_LINES}"
            for file in tree.cpp for first, last in functions(file.code)
            if last - first + 1 > MAX_FUNCTION_LINES]


def built_tests(tree):
    """A test that its folder's CMakeLists.txt does not name is never run."""
    lists = {file.path: file.text for file in tree.files if file.path.endswith("/CMakeLists.txt")}
    bad = []
    for file in tree.files:
        folder, _, name = file.path.rpartition("/")
        if re.fullmatch(r"tests/.*_test\.cpp", file.path) and not re.search(
                rf"(?<![\w/]){re.escape(name)}(?!\w)", lists.get(f"{folder}/CMakeLists.txt", "")):
            bad.append(f"{file.path}: {folder}/CMakeLists.txt does not name it")
    return bad


def words(tree):
    """Nothing unfinished, nothing that holds on one machine only, no download hosts."""
    bad = []
    for file in tree.files:
        for number, line in enumerate(file.lines, 1):
            for pattern, what in ((UNFINISHED, "unfinished"), (PRIVATE_PATHS, "a private path"),
                                  (REGISTRY_HOSTS, "a registry's host name")):
                if match := pattern.search(line):
                    bad.append(f"{file.path}:{number}: {what}: {match[0]}")
    return bad


RULES = [dependencies, no_cycles, one_definition, standard_headers, ggml_headers, common_headers,
         drivers, plan_is_pure, no_exceptions, printing, option_names,
         headers_begin_with_pragma_once, sizes, function_length, built_tests, words]

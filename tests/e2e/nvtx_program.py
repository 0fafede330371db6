"""A program with NVTX in it that uses every function which a tool can answer, through ctypes: what
the headers of NVTX do in C. `python nvtx_program.py libhexcore-nvtx.so`

With `forks` behind it: one that forks while another of its threads registers texts."""

import ctypes
import os
import signal
import sys
import threading

CORE, DOMAINS = 1, 5
FUNCTION = ctypes.CFUNCTYPE(None)


class Attributes(ctypes.Structure):
    """nvtxEventAttributes_t."""

    _fields_ = [("version", ctypes.c_uint16), ("size", ctypes.c_uint16),
                ("category", ctypes.c_uint32), ("color_type", ctypes.c_int32),
                ("color", ctypes.c_uint32), ("payload_type", ctypes.c_int32),
                ("reserved", ctypes.c_int32), ("payload", ctypes.c_uint64),
                ("message_type", ctypes.c_int32), ("message", ctypes.c_void_p)]


FUNCTIONS_OF = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.POINTER(ctypes.c_void_p),
                                ctypes.POINTER(ctypes.c_uint))


class Callbacks(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("functions_of", FUNCTIONS_OF)]


class Program:
    """The tables of functions, as NVTX has them: arrays of pointers to pointers."""

    def __init__(self, library):
        self.functions = {module: (ctypes.c_void_p * 16)() for module in (CORE, DOMAINS)}
        self.tables = {
            module: (ctypes.c_void_p * 16)(*(ctypes.addressof(functions) + 8 * i
                                             for i in range(16)))
            for module, functions in self.functions.items()}
        self.callbacks = Callbacks(ctypes.sizeof(Callbacks), FUNCTIONS_OF(self._functions_of))
        export = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_uint32)(
            lambda table: ctypes.addressof(self.callbacks) if table == 1 else None)
        self.listens = ctypes.CDLL(library).InitializeInjectionNvtx2(export)

    def _functions_of(self, module, table, count):
        if module not in self.tables:
            return 0
        table[0] = ctypes.addressof(self.tables[module])
        count[0] = 16
        return 1

    def call(self, module, number, *arguments, result=ctypes.c_int):
        address = self.functions[module][number]
        types = [type(argument) for argument in arguments]
        return ctypes.CFUNCTYPE(result, *types)(address)(*arguments)


def event(message, kind=1):
    attributes = Attributes(version=3, size=ctypes.sizeof(Attributes), message_type=kind)
    attributes.message = ctypes.cast(message, ctypes.c_void_p).value
    attributes.kept = message
    return attributes


def main():
    program = Program(sys.argv[1])
    if not program.listens:
        print("nobody listens")
        return
    call, narrow, wide, handle = program.call, ctypes.c_char_p, ctypes.c_wchar_p, ctypes.c_void_p
    by = ctypes.byref
    text = narrow(b"a \xe2\x82\xac")
    euro = wide("wide \u20ac \U0001f600")

    def attributes(message, kind=1):
        kept.append(event(message, kind))
        return handle(ctypes.addressof(kept[-1]))

    kept = []
    call(CORE, 1, attributes(text), result=None)
    call(CORE, 2, narrow(b"mark"), result=None)
    call(CORE, 3, euro, result=None)
    levels = [call(CORE, 8, attributes(narrow(b"push"))), call(CORE, 9, narrow(b"push a")),
              call(CORE, 10, wide("push w")), call(CORE, 11), call(CORE, 11), call(CORE, 11),
              call(CORE, 11)]
    first = call(CORE, 5, narrow(b"started"), result=ctypes.c_uint64)
    second = call(CORE, 6, wide("started w"), result=ctypes.c_uint64)
    call(CORE, 7, ctypes.c_uint64(first), result=None)
    call(DOMAINS, 3, handle(), ctypes.c_uint64(second), result=None)
    call(CORE, 7, ctypes.c_uint64(1000), result=None)  # never started

    domain = handle(call(DOMAINS, 12, narrow(b"lib"), result=ctypes.c_void_p))
    same = handle(call(DOMAINS, 13, wide("lib"), result=ctypes.c_void_p))
    registered = handle(call(DOMAINS, 10, domain, narrow(b"registered"), result=ctypes.c_void_p))
    # Crosswise: the outer range is popped first.
    levels += [call(DOMAINS, 4, domain, attributes(registered, 3)), call(CORE, 9, narrow(b"other")),
               call(DOMAINS, 5, domain), call(CORE, 11)]
    call(DOMAINS, 1, same, attributes(narrow(None)), result=None)
    print(levels, first != second, domain.value == same.value)


def forks():
    """Prints how each child ended that has used NVTX. The texts are so long that the library is at
    work on one nearly always."""
    program = Program(sys.argv[1])
    domain = ctypes.c_void_p(program.call(DOMAINS, 12, ctypes.c_char_p(b"lib"),
                                          result=ctypes.c_void_p))
    long_text = ctypes.c_char_p(b"x" * (8 << 20))
    is_over = threading.Event()

    def register():
        while not is_over.is_set():
            program.call(DOMAINS, 10, domain, long_text, result=ctypes.c_void_p)

    thread = threading.Thread(target=register)
    thread.start()
    endings = []
    for _ in range(40):
        child = os.fork()
        if child == 0:
            signal.alarm(30)  # rather than waiting for ever
            program.call(CORE, 5, ctypes.c_char_p(b"child"), result=ctypes.c_uint64)
            os._exit(0)
        endings.append(os.waitpid(child, 0)[1])
        if endings[-1] != 0:
            break
    is_over.set()
    thread.join()
    print(endings)


if sys.argv[2:] == ["forks"]:
    forks()
else:
    main()

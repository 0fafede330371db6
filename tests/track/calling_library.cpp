// A library that is in the stack of what it calls.

extern "C" int call(int (*function)(void*), void* with) {
    return function(with) + 1;  // after the call: its frame stays
}

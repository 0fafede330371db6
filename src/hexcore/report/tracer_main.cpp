#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "hexcore/report/symbols.hpp"
#include "hexcore/report/tracer/traced_program.hpp"

namespace hexcore {
namespace {

/// Of the program or what it brings, not of the system.
bool is_own(const RecordedFrame& frame) {
    if (!frame.module || !frame.module->text.starts_with('/')) {
        return false;
    }
    for (const std::string_view folder : {"/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/"}) {
        if (frame.module->text.starts_with(folder)) {
            return false;
        }
    }
    return true;
}

/// What isolate/crash_look.cpp reads.
std::string document_of(const TracedEnd& end) {
    Symbols symbols;
    nlohmann::json frames = nlohmann::json::array();
    for (const RecordedFrame& frame : end.frames) {
        frames.push_back({{"name", symbols.name_of(frame)}, {"own", is_own(frame)}});
    }
    const nlohmann::json document{{"problem", end.problem},
                                  {"signal", end.signalled ? end.code : 0},
                                  {"code", end.signalled ? 0 : end.code},
                                  {"frames", std::move(frames)}};
    return document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace
}  // namespace hexcore

/// hexcore-tracer FILE PROGRAM ...: runs a program that has crashed before, in a cage as it did
/// then, and writes to the file where it crashes.
int main(int argc, char** argv) {
    constexpr int fewest_words = 3;
    constexpr int wrong_words = 2;
    if (argc < fewest_words) {
        return wrong_words;
    }
    const hexcore::TracedEnd end = hexcore::trace_program(argv + 2);
    ::unsetenv("DEBUGINFOD_URLS");  // no names are looked for in a network
    std::ofstream file(argv[1]);
    file << hexcore::document_of(end) << '\n';
    return file.flush() ? EXIT_SUCCESS : EXIT_FAILURE;
}

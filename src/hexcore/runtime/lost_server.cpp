#include "hexcore/runtime/lost_server.hpp"

#include <unistd.h>

#include <csignal>
#include <string>
#include <string_view>

#include "ggml.h"
#include "hexcore/base/result.hpp"

namespace hexcore {
namespace {

// From any thread, with others still running: nothing may be called that they could be in.
void say(const std::string& text) { (void)!::write(STDERR_FILENO, text.data(), text.size()); }

void on_abort(const char* what) {
    std::string_view message = what == nullptr ? "" : what;  // "FILE:LINE: MESSAGE"
    if (const std::size_t colon = message.find(": "); colon != std::string_view::npos) {
        message.remove_prefix(colon + 2);
    }
    while (message.ends_with('\n')) {
        message.remove_suffix(1);
    }
    for (const std::string_view sign : {"RPC", "Failed to connect"}) {
        if (message.find(sign) != std::string_view::npos) {
            say(
                fmt::format("hexcore: the connection to an RPC server is lost ({}); see whether it "
                            "still runs, and start again. Nothing is left allocated here\n",
                            message));
            ::_exit(static_cast<int>(ErrorCode::missing_device));
        }
    }
    say(fmt::format("{}\n", what == nullptr ? "" : what));
}

}  // namespace

void end_program_where_a_server_is_gone() {
    ggml_set_abort_callback(on_abort);
    // Whether ggml finds out while it reads or while it writes is chance; writing to a connection
    // that is closed would kill the program without a word.
    std::signal(SIGPIPE, SIG_IGN);
}

}  // namespace hexcore

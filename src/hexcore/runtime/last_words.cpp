#include "hexcore/runtime/last_words.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <system_error>

#include "ggml.h"
#include "hexcore/base/end_now.hpp"
#include "hexcore/base/printable.hpp"
#include "hexcore/base/result.hpp"

namespace hexcore {
namespace {

constexpr std::size_t words_max = 400;
constexpr int last_words_exit_code = 70;

[[noreturn]] void end(ErrorCode code, const std::string& sentence) {
    // Nothing is unwound: other threads are still running.
    const std::string line = fmt::format("hexcore: {}\n", sentence);
    (void)!::write(STDERR_FILENO, line.data(), line.size());
    end_now(static_cast<int>(code));
}

/// What ggml says, apart from where in its sources: "FOLDERS/FILE:LINE: MESSAGE".
struct Words {
    std::string text;
    std::string place;  ///< "FILE, line LINE", for whoever looks into llama.cpp; may be empty

    [[nodiscard]] std::string with_place() const {
        return place.empty() ? text : fmt::format("{} ({})", text, place);
    }
};

Words words_of(std::string_view message) {
    while (message.ends_with('\n')) {
        message.remove_suffix(1);
    }
    const std::size_t end = message.find(": ");
    const std::string_view before = message.substr(0, end == std::string_view::npos ? 0 : end);
    const std::size_t colon = before.rfind(':');
    const bool has_line =
        colon != std::string_view::npos && colon + 1 < before.size() &&
        before.find_first_not_of("0123456789", colon + 1) == std::string_view::npos;
    if (!has_line) {
        return {shortened(message, words_max), ""};
    }
    const std::string_view path = before.substr(0, colon);
    return {shortened(message.substr(end + 2), words_max),
            fmt::format("{}, line {}", path.substr(path.rfind('/') + 1), before.substr(colon + 1))};
}

bool is_of_a_server(std::string_view message) {
    return message.find("RPC") != std::string_view::npos ||
           message.find("Failed to connect") != std::string_view::npos;
}

/// ggml aborts, too, where a limit of this process refuses it the memory for its books: large ones,
/// which the message tells, or small ones, after which nothing can be mapped.
bool is_for_memory(std::string_view message) {
    constexpr std::size_t size = std::size_t{4} << 20U;
    void* const probe =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const bool can_map = probe != MAP_FAILED && ::munmap(probe, size) == 0;
    return !can_map || message.find("mem_buffer != NULL") != std::string_view::npos;
}

/// Takes no memory itself.
[[noreturn]] void end_for_memory() {
    constexpr std::string_view line =
        "hexcore: the system refuses the program memory for its bookkeeping; raise the limit that "
        "is in the way (ulimit -v, ulimit -d), or free memory. Nothing is left allocated\n";
    (void)!::write(STDERR_FILENO, line.data(), line.size());
    end_now(static_cast<int>(ErrorCode::does_not_fit));
}

[[noreturn]] void end_for(std::string_view message) {
    if (is_of_a_server(message)) {
        end(ErrorCode::missing_device,
            fmt::format("the connection to an RPC server is lost ({}); see whether it still runs, "
                        "and start again. Nothing is left allocated here",
                        words_of(message).text));
    }
    if (is_for_memory(message)) {
        end_for_memory();
    }
    end(ErrorCode::bad_input,
        fmt::format("libllama cannot go on with this model: {}. Its file holds what llama.cpp does "
                    "not expect, or this is a fault of llama.cpp's: make the file anew with a "
                    "current llama.cpp. Nothing is left allocated",
                    words_of(message).with_place()));
}

[[noreturn]] void say_last_words(std::string_view message) {
    if (is_for_memory(message)) {
        end_for_memory();
    }
    const std::string words = words_of(message).with_place();
    (void)!::write(STDERR_FILENO, words.data(), words.size());
    end_now(last_words_exit_code);
}

[[noreturn]] void end_for_a_thread(const std::string& why) {
    end(ErrorCode::does_not_fit,
        fmt::format("the system refuses the program a thread or memory ({}); raise the limit that "
                    "is in the way (ulimit -u, ulimit -v), or free memory. Nothing is left "
                    "allocated",
                    why));
}

/// Ends the process with what the exception that nobody caught says where the system refused memory
/// or a thread; gives its words where it is any other.
std::string words_of_uncaught() {
    const std::exception_ptr uncaught = std::current_exception();
    if (!uncaught) {
        return "std::terminate";
    }
    try {
        std::rethrow_exception(uncaught);
    } catch (const std::bad_alloc&) {
        end_for_memory();
    } catch (const std::system_error& error) {
        if (error.code() == std::errc::resource_unavailable_try_again ||
            error.code() == std::errc::not_enough_memory) {
            end_for_a_thread(error.code().message());
        }
        return error.what();
    } catch (const std::exception& exception) {
        return exception.what();
    } catch (...) {
        return "an exception of an unknown kind";
    }
}

}  // namespace

void end_program_with_a_sentence() {
    ggml_set_abort_callback([](const char* what) { end_for(what == nullptr ? "" : what); });
    std::set_terminate([] {
        try {
            const std::string line =
                fmt::format("bug: nothing caught: {}\n", shortened(words_of_uncaught(), words_max));
            (void)!::write(STDERR_FILENO, line.data(), line.size());
        } catch (const std::bad_alloc&) {
            end_for_memory();
        }
        std::abort();
    });
    // Whether ggml finds out while it reads or while it writes is chance; writing to a connection
    // that is closed would kill the program without a word.
    std::signal(SIGPIPE, SIG_IGN);
    // A file at the limit of its size is one that cannot be written, like one on a full disk.
    std::signal(SIGXFSZ, SIG_IGN);
}

void end_examination_with_last_words() {
    ggml_set_abort_callback([](const char* what) { say_last_words(what == nullptr ? "" : what); });
    // What is thrown here libllama throws over the file.
    std::set_terminate([] {
        try {
            say_last_words(words_of_uncaught());
        } catch (const std::bad_alloc&) {
            end_for_memory();
        }
    });
}

}  // namespace hexcore

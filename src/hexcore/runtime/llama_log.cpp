#include "hexcore/runtime/llama_log.hpp"

#include <mutex>

#include "llama.h"

namespace hexcore {
namespace {

// libllama's log callback is one for the process.
std::mutex mutex;
std::string logged_errors;
ggml_log_level current_level = GGML_LOG_LEVEL_NONE;
int users = 0;

// libllama's and ggml's messages are for whoever works on them.
void drop(ggml_log_level, const char*, void*) {}
ggml_log_callback otherwise = nullptr;  // null: ggml's own, which writes to stderr

void collect(ggml_log_level level, const char* text, void*) {
    const std::lock_guard lock(mutex);
    if (level != GGML_LOG_LEVEL_CONT) {
        current_level = level;
    }
    if (current_level == GGML_LOG_LEVEL_ERROR && logged_errors.size() < 4096) {
        logged_errors += text;
    }
}

}  // namespace

LlamaLog::LlamaLog() {
    const std::lock_guard lock(mutex);
    logged_errors.clear();  // of what nobody asked about, and of a model that is loaded already
    if (users++ == 0) {
        llama_log_set(collect, nullptr);
    }
}

LlamaLog::~LlamaLog() {
    const std::lock_guard lock(mutex);
    if (--users == 0) {
        llama_log_set(otherwise, nullptr);
    }
}

void silence_llama() {
    const std::lock_guard lock(mutex);
    otherwise = drop;
    if (users == 0) {
        llama_log_set(otherwise, nullptr);
    }
}

std::string LlamaLog::take_errors() {
    const std::lock_guard lock(mutex);
    std::string joined;
    for (const char c : logged_errors) {
        joined += c == '\n' ? std::string("; ") : std::string(1, c);
    }
    logged_errors.clear();
    while (joined.size() >= 2 && joined.ends_with("; ")) {
        joined.resize(joined.size() - 2);
    }
    return joined;
}

}  // namespace hexcore

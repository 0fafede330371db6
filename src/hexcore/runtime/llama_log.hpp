#pragma once

#include <string>

namespace hexcore {

/// Keeps libllama's and ggml's log away from the terminal while any of these lives, and remembers
/// what they complained of: they report errors as text only. The log is one for the process.
class LlamaLog {
public:
    LlamaLog();
    ~LlamaLog();
    LlamaLog(const LlamaLog&) = delete;
    LlamaLog& operator=(const LlamaLog&) = delete;

    /// The error lines since the last call, joined to one.
    [[nodiscard]] std::string take_errors();
};

}  // namespace hexcore

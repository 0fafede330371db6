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

/// From now on libllama's and ggml's messages go nowhere where no LlamaLog lives, instead of to
/// stderr. For a program of its own; in somebody else's the log is that program's.
void silence_llama();

}  // namespace hexcore

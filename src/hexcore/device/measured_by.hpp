#pragma once

namespace hexcore {

/// Who says what a device's memory takes.
enum class MeasuredBy {
    kernel,       ///< the kernel: what is resident of this process's own mappings
    process,      ///< a GPU's driver: what it holds for this process
    free_memory,  ///< a GPU's driver: what it has less than before, others' changes included
};
[[nodiscard]] constexpr const char* to_string(MeasuredBy source) {
    switch (source) {
        case MeasuredBy::kernel:
            return "kernel";
        case MeasuredBy::process:
            return "process";
        case MeasuredBy::free_memory:
            return "free_memory";
    }
    return "";
}

}  // namespace hexcore

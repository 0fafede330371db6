#pragma once

#include <cstddef>
#include <functional>
#include <string>

namespace hexcore::test {

/// What a program asks the system for while it loads, and can be refused.
enum class Asked {
    mapping,  ///< mmap, mprotect: libllama's mapping of the file, and every device block
    commit,   ///< madvise(MADV_POPULATE_WRITE): pages of a device block
    thread,   ///< pthread_create
    file,     ///< open, fopen
    buffer,   ///< posix_memalign: ggml's buffers in host memory
    device,   ///< ggml_backend_buft_alloc_buffer of another backend: on a GPU or an RPC server
    memory,   ///< operator new of 64 KiB and more: libllama's and our own
    read,     ///< pread, fread
};
[[nodiscard]] const char* to_string(Asked what);

/// The calls of one run, counted; one of them can be made to fail, or something else to happen.
/// This program defines the functions above in the place of the C library's, so that libllama's and
/// ggml's calls count like our own. One at a time.
class Faults {
public:
    enum class Of { requests, reads, both };

    /// Counts from now on, and lets the `fail_at`th call (from 1; 0: none) fail.
    explicit Faults(Of which, std::size_t fail_at = 0);
    /// Counts from now on, and does `what` just before the `at`th call, in the thread that calls.
    Faults(Of which, std::size_t at, const std::function<void()>& what);
    ~Faults();
    Faults(const Faults&) = delete;
    Faults& operator=(const Faults&) = delete;

    [[nodiscard]] std::size_t count() const;
    /// What was made to fail; empty where it did not come to that.
    [[nodiscard]] std::string failed() const;
    /// Whether it came to the call before which something was to be done.
    [[nodiscard]] bool happened() const;
};

}  // namespace hexcore::test

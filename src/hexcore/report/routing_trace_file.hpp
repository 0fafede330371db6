#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/report/routing_trace.hpp"

namespace hexcore {

/// A trace that is being written (docs/formats/routing-trace.md): whole lines, each batch's when it
/// was computed, so that whoever is stopped leaves all that came before. Where the disk is full or
/// a write fails, what was written stays, the rest is left out, and finish() says so.
class RoutingTraceFile : public RoutingSink {
public:
    /// Opens or makes the file; what is in it stays until there is something to write. Fails with
    /// ErrorCode::usage where it cannot be written, where it has something else in it than a trace,
    /// while another one of these writes it, and for a pipe that nobody reads.
    [[nodiscard]] static Result<RoutingTraceFile> open(const std::filesystem::path& path);
    RoutingTraceFile(RoutingTraceFile&& other) noexcept;
    RoutingTraceFile& operator=(RoutingTraceFile&&) = delete;
    /// A file that open() made and nothing was written to is removed.
    ~RoutingTraceFile() override;

    /// What the first line says. With the first tokens it takes the place of all that the file
    /// had; a file that open() made has it after finish() anyway.
    void begin(const RoutingTraceHeader& header) { first_line_ = routing_header_line(header); }
    void computed(const std::vector<RoutedToken>& tokens) override;
    /// Fails with ErrorCode::negative where not all could be written.
    [[nodiscard]] Result<void> finish();

private:
    enum class Origin : std::uint8_t { made, was_there };
    RoutingTraceFile(std::filesystem::path path, FileDescriptor file, Origin origin);
    void replace();
    void append(const std::string& lines);

    std::filesystem::path path_;
    FileDescriptor file_;
    std::string first_line_;  ///< until it is written
    bool unlink_ = false;
    std::int64_t whole_bytes_ = 0;
    std::uint64_t written_tokens_ = 0;
    std::uint64_t tokens_ = 0;
    int failed_ = 0;  ///< errno of the first write that did; 0: none
};

}  // namespace hexcore

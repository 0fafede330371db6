#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "hexcore/base/private_file.hpp"

namespace hexcore {

/// Text that goes to a file in large pieces, whole or not at all.
class ReportFile {
public:
    [[nodiscard]] static Result<ReportFile> begin(const std::string& path) {
        HEXCORE_TRY(file, PrivateFile::begin(path));
        return ReportFile(std::move(file));
    }
    void add(std::string_view text) {
        buffer_ += text;
        if (buffer_.size() >= piece_bytes) {
            write();
        }
    }
    [[nodiscard]] Result<void> finish() {
        write();
        HEXCORE_TRY_VOID(std::move(written_));
        return file_.finish();
    }

private:
    static constexpr std::size_t piece_bytes = 1U << 16U;

    explicit ReportFile(PrivateFile file) : file_(std::move(file)) {}
    void write() {
        if (written_) {
            written_ = file_.write(std::as_bytes(std::span(buffer_)));
        }
        buffer_.clear();
    }

    PrivateFile file_;
    std::string buffer_;
    Result<void> written_;
};

}  // namespace hexcore

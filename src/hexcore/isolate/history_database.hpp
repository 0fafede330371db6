#pragma once

#include <cstdint>
#include <filesystem>

#include "hexcore/base/result.hpp"
#include "hexcore/database/sql_database.hpp"

namespace hexcore {

/// The file of a history of tests. Codes are those of SQLite.
class HistoryDatabase : public SqlDatabase {
public:
    /// Opens or makes it. SQLITE_OK of one of a later version, too, which is only looked at.
    [[nodiscard]] int open(const std::filesystem::path& file);
    [[nodiscard]] std::int64_t version() const { return version_; }
    static constexpr int written_version = 1;

    /// Copies what is damaged to a file beside it, and empties it for everybody who has it open.
    /// Gives the copy; empty: it is whole, since somebody else has done so meanwhile.
    [[nodiscard]] Result<std::filesystem::path> begin_anew();

private:
    [[nodiscard]] int make_tables();
    [[nodiscard]] bool is_whole() const;

    std::filesystem::path file_;
    std::int64_t version_ = 0;
};

}  // namespace hexcore

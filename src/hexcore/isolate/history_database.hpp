#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "hexcore/base/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace hexcore {

/// A statement and its values; test ids are blobs, since they may hold any bytes.
class HistoryStatement {
public:
    HistoryStatement(sqlite3* database, const char* sql);

    void number(int place, std::int64_t value);
    void real(int place, double value);
    void text(int place, const std::string& value);
    void blob(int place, const std::string& value);
    /// True: a row is there.
    bool step();
    /// What SQLite said last, of all that was asked of it through this.
    [[nodiscard]] int code() const { return code_; }
    void reset();

    [[nodiscard]] std::int64_t number_at(int column) const;
    [[nodiscard]] double real_at(int column) const;
    [[nodiscard]] std::string text_at(int column) const;

private:
    struct Finalizes {
        void operator()(sqlite3_stmt* statement) const;
    };
    std::unique_ptr<sqlite3_stmt, Finalizes> statement_;
    int code_ = 0;
};

/// The file of a history of tests. Codes are those of SQLite.
class HistoryDatabase {
public:
    /// Opens or makes it. SQLITE_OK of one of a later version, too, which is only looked at.
    [[nodiscard]] int open(const std::filesystem::path& file);
    [[nodiscard]] sqlite3* get() const { return database_.get(); }
    [[nodiscard]] int execute(const char* sql) const;
    /// For how long it waits for others who write.
    void set_patience(std::chrono::milliseconds time) const;

    [[nodiscard]] std::int64_t version() const { return version_; }
    static constexpr int written_version = 1;

    /// Whether a code says that the file is damaged, or none of SQLite's.
    [[nodiscard]] static bool is_damage(int code);
    /// Copies what is damaged to a file beside it, and empties it for everybody who has it open.
    /// Gives the copy; empty: it is whole, since somebody else has done so meanwhile.
    [[nodiscard]] Result<std::filesystem::path> begin_anew();

private:
    [[nodiscard]] int make_tables();
    [[nodiscard]] bool is_whole() const;

    struct Closes {
        void operator()(sqlite3* database) const;
    };
    std::unique_ptr<sqlite3, Closes> database_;
    std::filesystem::path file_;
    std::int64_t version_ = 0;
};

}  // namespace hexcore

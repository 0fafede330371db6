#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace hexcore {

/// A statement and its values. Texts may hold any bytes; a blob is compared by them alone.
class SqlStatement {
public:
    SqlStatement(sqlite3* database, const char* sql);

    void number(int place, std::int64_t value);
    void real(int place, double value);
    void text(int place, std::string_view value);
    void blob(int place, std::string_view value);
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

/// A file of SQLite's. Codes are those of SQLite. For one thread.
class SqlDatabase {
public:
    /// Opens or makes it.
    [[nodiscard]] int open(const std::filesystem::path& file);
    /// Opens one that nobody writes any more, so that no lock is needed, and none taken.
    [[nodiscard]] int open_finished(const std::filesystem::path& file);
    void close() { database_.reset(); }

    [[nodiscard]] sqlite3* get() const { return database_.get(); }
    [[nodiscard]] int execute(const char* sql) const;
    /// For how long it waits for others who write.
    void set_patience(std::chrono::milliseconds time) const;

    /// Whether a code says that the file is damaged, or none of SQLite's.
    [[nodiscard]] static bool is_damage(int code);
    /// What SQLite calls a code.
    [[nodiscard]] static const char* words(int code);

private:
    struct Closes {
        void operator()(sqlite3* database) const;
    };
    std::unique_ptr<sqlite3, Closes> database_;
};

}  // namespace hexcore

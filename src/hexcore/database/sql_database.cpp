#include "hexcore/database/sql_database.hpp"

#include <sqlite3.h>

#include <cctype>

namespace hexcore {
namespace {

/// A path as SQLite's URIs have it.
std::string in_uri(const std::string& path) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string uri = "file:";
    for (const char character : path) {
        const auto byte = static_cast<unsigned char>(character);
        if (std::isalnum(byte) != 0 || character == '/' || character == '.' || character == '-' ||
            character == '_') {
            uri += character;
        } else {
            uri += {'%', digits[byte >> 4U], digits[byte & 15U]};
        }
    }
    return uri;
}

}  // namespace

SqlStatement::SqlStatement(sqlite3* database, const char* sql) {
    sqlite3_stmt* made = nullptr;
    code_ = sqlite3_prepare_v2(database, sql, -1, &made, nullptr);
    statement_.reset(made);
}

void SqlStatement::number(int place, std::int64_t value) {
    sqlite3_bind_int64(statement_.get(), place, value);
}

void SqlStatement::real(int place, double value) {
    sqlite3_bind_double(statement_.get(), place, value);
}

// Of an empty view, which may have no address, SQLite would make NULL.
void SqlStatement::text(int place, std::string_view value) {
    sqlite3_bind_text64(statement_.get(), place, value.empty() ? "" : value.data(), value.size(),
                        SQLITE_TRANSIENT, SQLITE_UTF8);
}

void SqlStatement::blob(int place, std::string_view value) {
    sqlite3_bind_blob64(statement_.get(), place, value.empty() ? "" : value.data(), value.size(),
                        SQLITE_TRANSIENT);
}

bool SqlStatement::step() {
    if (statement_ != nullptr) {
        code_ = sqlite3_step(statement_.get());
    }
    return code_ == SQLITE_ROW;
}

void SqlStatement::reset() { sqlite3_reset(statement_.get()); }

void SqlStatement::Finalizes::operator()(sqlite3_stmt* statement) const {
    sqlite3_finalize(statement);
}

std::int64_t SqlStatement::number_at(int column) const {
    return sqlite3_column_int64(statement_.get(), column);
}

double SqlStatement::real_at(int column) const {
    return sqlite3_column_double(statement_.get(), column);
}

std::string SqlStatement::text_at(int column) const {
    const void* bytes = sqlite3_column_blob(statement_.get(), column);
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
    return bytes == nullptr ? "" : std::string(static_cast<const char*>(bytes), size);
}

void SqlDatabase::Closes::operator()(sqlite3* database) const { sqlite3_close(database); }

int SqlDatabase::open(const std::filesystem::path& file) {
    sqlite3* made = nullptr;
    const int code =
        sqlite3_open_v2(file.c_str(), &made, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
    database_.reset(made);
    return code;
}

int SqlDatabase::open_finished(const std::filesystem::path& file) {
    sqlite3* made = nullptr;
    const std::string uri = in_uri(file.string()) + "?immutable=1";
    const int code =
        sqlite3_open_v2(uri.c_str(), &made, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, nullptr);
    database_.reset(made);
    return code;
}

int SqlDatabase::execute(const char* sql) const {
    return sqlite3_exec(get(), sql, nullptr, nullptr, nullptr);
}

void SqlDatabase::set_patience(std::chrono::milliseconds time) const {
    sqlite3_busy_timeout(get(), static_cast<int>(time.count()));
}

bool SqlDatabase::is_damage(int code) {
    constexpr int primary = 0xff;
    return (code & primary) == SQLITE_NOTADB || (code & primary) == SQLITE_CORRUPT;
}

const char* SqlDatabase::words(int code) { return sqlite3_errstr(code); }

}  // namespace hexcore

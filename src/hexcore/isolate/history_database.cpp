#include "hexcore/isolate/history_database.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <system_error>
#include <thread>

#include "hexcore/base/file_descriptor.hpp"

namespace hexcore {
namespace {

using namespace std::chrono_literals;

constexpr auto busy_time = 10s;

constexpr const char* history_schema = R"(
CREATE TABLE IF NOT EXISTS suite (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS run (
    id INTEGER PRIMARY KEY, suite INTEGER NOT NULL REFERENCES suite(id), test BLOB NOT NULL,
    at_s INTEGER NOT NULL, duration_ms REAL NOT NULL, host_bytes INTEGER NOT NULL,
    devices TEXT NOT NULL, kept_bytes INTEGER NOT NULL, verdict TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS run_of_test ON run (suite, test, id);
)";

/// Held while one looks whether a history is damaged, and empties it. Not open: another one holds
/// it for longer than that takes.
FileDescriptor history_lock(const std::filesystem::path& file) {
    FileDescriptor lock(
        ::open((file.string() + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR));
    constexpr auto spacing = 50ms;
    for (auto left = busy_time / spacing; lock.is_open() && left > 0; --left) {
        if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) {
            return lock;
        }
        std::this_thread::sleep_for(spacing);
    }
    return FileDescriptor(-1);
}

}  // namespace

HistoryStatement::HistoryStatement(sqlite3* database, const char* sql) {
    sqlite3_stmt* made = nullptr;
    code_ = sqlite3_prepare_v2(database, sql, -1, &made, nullptr);
    statement_.reset(made);
}

void HistoryStatement::number(int place, std::int64_t value) {
    sqlite3_bind_int64(statement_.get(), place, value);
}

void HistoryStatement::real(int place, double value) {
    sqlite3_bind_double(statement_.get(), place, value);
}

void HistoryStatement::text(int place, const std::string& value) {
    sqlite3_bind_text64(statement_.get(), place, value.data(), value.size(), SQLITE_TRANSIENT,
                        SQLITE_UTF8);
}

void HistoryStatement::blob(int place, const std::string& value) {
    sqlite3_bind_blob64(statement_.get(), place, value.data(), value.size(), SQLITE_TRANSIENT);
}

bool HistoryStatement::step() {
    if (statement_ != nullptr) {
        code_ = sqlite3_step(statement_.get());
    }
    return code_ == SQLITE_ROW;
}

void HistoryStatement::reset() { sqlite3_reset(statement_.get()); }

void HistoryStatement::Finalizes::operator()(sqlite3_stmt* statement) const {
    sqlite3_finalize(statement);
}

std::int64_t HistoryStatement::number_at(int column) const {
    return sqlite3_column_int64(statement_.get(), column);
}

double HistoryStatement::real_at(int column) const {
    return sqlite3_column_double(statement_.get(), column);
}

std::string HistoryStatement::text_at(int column) const {
    const void* bytes = sqlite3_column_blob(statement_.get(), column);
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
    return bytes == nullptr ? "" : std::string(static_cast<const char*>(bytes), size);
}

void HistoryDatabase::Closes::operator()(sqlite3* database) const { sqlite3_close(database); }

int HistoryDatabase::execute(const char* sql) const {
    return sqlite3_exec(get(), sql, nullptr, nullptr, nullptr);
}

void HistoryDatabase::set_patience(std::chrono::milliseconds time) const {
    sqlite3_busy_timeout(get(), static_cast<int>(time.count()));
}

bool HistoryDatabase::is_damage(int code) {
    constexpr int primary = 0xff;
    return (code & primary) == SQLITE_NOTADB || (code & primary) == SQLITE_CORRUPT;
}

int HistoryDatabase::open(const std::filesystem::path& file) {
    file_ = file;
    sqlite3* made = nullptr;
    const int opened =
        sqlite3_open_v2(file.c_str(), &made, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
    database_.reset(made);
    if (opened != SQLITE_OK) {
        return opened;
    }
    ::chmod(file.c_str(), S_IRUSR | S_IWUSR);
    set_patience(busy_time);
    HistoryStatement version(get(), "PRAGMA user_version");
    if (!version.step()) {
        return version.code();
    }
    version_ = version.number_at(0);
    version.reset();
    return version_ > written_version ? SQLITE_OK : make_tables();
}

int HistoryDatabase::make_tables() {
    // With a log beside it readers and one writer do not wait for each other; whoever is killed
    // meanwhile leaves a log that the next one plays back.
    (void)execute("PRAGMA journal_mode=WAL");
    (void)execute("PRAGMA synchronous=NORMAL");
    if (version_ == written_version) {
        return SQLITE_OK;
    }
    const std::string set = fmt::format("BEGIN IMMEDIATE; {} PRAGMA user_version={}; COMMIT;",
                                        history_schema, written_version);
    const int code = execute(set.c_str());
    version_ = code == SQLITE_OK ? written_version : version_;
    return code;
}

bool HistoryDatabase::is_whole() const {
    HistoryStatement check(get(), "PRAGMA quick_check(1)");
    return check.step() && check.text_at(0) == "ok";
}

/// The file is emptied in its place: were it renamed, whoever has it open would go on with the old
/// one, and remove the new one's log.
Result<std::filesystem::path> HistoryDatabase::begin_anew() {
    const FileDescriptor lock = history_lock(file_);
    if (!lock.is_open()) {
        return fail(ErrorCode::negative,
                    "the history of tests is damaged, and {}.lock cannot be had to begin it anew",
                    file_.string());
    }
    if (open(file_) == SQLITE_OK && (version_ > written_version || is_whole())) {
        return std::filesystem::path{};
    }
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const std::filesystem::path aside =
        fmt::format("{}.damaged-{}", file_.string(),
                    std::chrono::duration_cast<std::chrono::seconds>(now).count());
    std::error_code error;
    std::filesystem::copy_file(file_, aside, std::filesystem::copy_options::overwrite_existing,
                               error);
    sqlite3_db_config(get(), SQLITE_DBCONFIG_RESET_DATABASE, 1, nullptr);
    int code = execute("VACUUM");
    sqlite3_db_config(get(), SQLITE_DBCONFIG_RESET_DATABASE, 0, nullptr);
    version_ = 0;
    code = code == SQLITE_OK ? make_tables() : code;
    if (error || code != SQLITE_OK) {
        return fail(ErrorCode::negative,
                    "the history of tests is damaged, and cannot begin anew: {}",
                    error ? error.message() : sqlite3_errstr(code));
    }
    return aside;
}

}  // namespace hexcore

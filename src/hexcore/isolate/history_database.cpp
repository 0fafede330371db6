#include "hexcore/isolate/history_database.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <chrono>
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

int HistoryDatabase::open(const std::filesystem::path& file) {
    file_ = file;
    if (const int opened = SqlDatabase::open(file); opened != SQLITE_OK) {
        return opened;
    }
    ::chmod(file.c_str(), S_IRUSR | S_IWUSR);
    set_patience(busy_time);
    SqlStatement version(get(), "PRAGMA user_version");
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
    SqlStatement check(get(), "PRAGMA quick_check(1)");
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

#include "hexcore/isolate/history.hpp"

#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <system_error>

#include "hexcore/base/state_home.hpp"

namespace hexcore {
namespace {

constexpr int schema_version = 1;
constexpr std::size_t learned_from = 5;
constexpr int busy_ms = 10'000;

constexpr const char* schema = R"(
CREATE TABLE IF NOT EXISTS suite (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS run (
    id INTEGER PRIMARY KEY, suite INTEGER NOT NULL REFERENCES suite(id), test BLOB NOT NULL,
    at_s INTEGER NOT NULL, duration_ms REAL NOT NULL, host_bytes INTEGER NOT NULL,
    devices TEXT NOT NULL, kept_bytes INTEGER NOT NULL, verdict TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS run_of_test ON run (suite, test, id);
)";

struct Finalizes {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

/// A statement and its values; test ids are blobs, since they may hold any bytes.
class Statement {
public:
    Statement(sqlite3* database, const char* sql) {
        sqlite3_stmt* made = nullptr;
        result_ = sqlite3_prepare_v2(database, sql, -1, &made, nullptr);
        statement_.reset(made);
    }
    void number(int place, std::int64_t value) {
        sqlite3_bind_int64(statement_.get(), place, value);
    }
    void real(int place, double value) { sqlite3_bind_double(statement_.get(), place, value); }
    void text(int place, const std::string& value) {
        sqlite3_bind_text64(statement_.get(), place, value.data(), value.size(), SQLITE_TRANSIENT,
                            SQLITE_UTF8);
    }
    void blob(int place, const std::string& value) {
        sqlite3_bind_blob64(statement_.get(), place, value.data(), value.size(), SQLITE_TRANSIENT);
    }
    /// True: a row is there.
    bool step() {
        if (statement_ != nullptr) {
            result_ = sqlite3_step(statement_.get());
        }
        return result_ == SQLITE_ROW;
    }
    /// Of step(): it came to the end.
    [[nodiscard]] bool is_done() const { return result_ == SQLITE_DONE; }
    void reset() { sqlite3_reset(statement_.get()); }

    [[nodiscard]] std::int64_t number_at(int column) const {
        return sqlite3_column_int64(statement_.get(), column);
    }
    [[nodiscard]] double real_at(int column) const {
        return sqlite3_column_double(statement_.get(), column);
    }
    [[nodiscard]] std::string text_at(int column) const {
        const void* bytes = sqlite3_column_blob(statement_.get(), column);
        const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
        return bytes == nullptr ? "" : std::string(static_cast<const char*>(bytes), size);
    }

private:
    std::unique_ptr<sqlite3_stmt, Finalizes> statement_;
    int result_ = SQLITE_OK;
};

tl::unexpected<Error> history_error(sqlite3* database, std::string_view doing) {
    return fail(ErrorCode::negative, "the history of tests cannot be {}: {}", doing,
                database == nullptr ? "out of memory" : sqlite3_errmsg(database));
}

bool execute(sqlite3* database, const char* sql) {
    return sqlite3_exec(database, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
}

std::string devices_text(const std::vector<DeviceLimit>& devices) {
    nlohmann::json object = nlohmann::json::object();
    for (const DeviceLimit& device : devices) {
        object[device.device] = device.limit.count();
    }
    return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::vector<DeviceLimit> read_devices(const std::string& text) {
    std::vector<DeviceLimit> devices;
    const auto object = nlohmann::json::parse(text, nullptr, false);
    if (object.is_object()) {
        for (const auto& [device, bytes] : object.items()) {
            if (bytes.is_number_unsigned()) {
                devices.push_back({device, Bytes(bytes.get<std::uint64_t>())});
            }
        }
    }
    return devices;
}

Bytes bytes_of(std::int64_t number) {
    return Bytes(static_cast<std::uint64_t>(std::max<std::int64_t>(0, number)));
}

Verdict verdict_of(const std::string& text) {
    for (const Verdict verdict : {Verdict::passed, Verdict::failed, Verdict::crashed,
                                  Verdict::timed_out, Verdict::over_budget, Verdict::skipped,
                                  Verdict::postponed, Verdict::flaky, Verdict::flaky_memory}) {
        if (text == name(verdict)) {
            return verdict;
        }
    }
    return Verdict::failed;
}

}  // namespace

void TestHistory::Closes::operator()(sqlite3* database) const { sqlite3_close(database); }
TestHistory::~TestHistory() = default;

std::filesystem::path TestHistory::default_file() {
    const std::filesystem::path home = state_home();
    return home.empty() ? home : home / "tests.sqlite";
}

Result<TestHistory::Database> TestHistory::open_database(const std::filesystem::path& file,
                                                         bool& damaged) {
    sqlite3* made = nullptr;
    const int opened =
        sqlite3_open_v2(file.c_str(), &made, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
    Database database(made);
    const auto is_damage = [&] {
        const int code = sqlite3_errcode(database.get());
        return code == SQLITE_NOTADB || code == SQLITE_CORRUPT;
    };
    if (opened != SQLITE_OK) {
        return history_error(database.get(), "opened");
    }
    sqlite3_busy_timeout(database.get(), busy_ms);
    Statement version(database.get(), "PRAGMA user_version");
    if (!version.step()) {
        damaged = is_damage();
        return history_error(database.get(), "read");
    }
    const std::int64_t found = version.number_at(0);
    version.reset();
    if (found > schema_version) {
        damaged = true;
        return fail(ErrorCode::negative, "the history of tests is of a newer version ({})", found);
    }
    // With a log beside it readers and one writer do not wait for each other; whoever is killed
    // meanwhile leaves a log that the next one plays back.
    (void)execute(database.get(), "PRAGMA journal_mode=WAL");
    (void)execute(database.get(), "PRAGMA synchronous=NORMAL");
    const std::string set =
        fmt::format("BEGIN IMMEDIATE; {} PRAGMA user_version={}; COMMIT;", schema, schema_version);
    if (found < schema_version && !execute(database.get(), set.c_str())) {
        damaged = is_damage();
        return history_error(database.get(), "made");
    }
    return database;
}

Result<std::unique_ptr<TestHistory>> TestHistory::open(const std::filesystem::path& file) {
    std::error_code error;
    std::filesystem::create_directories(file.parent_path(), error);
    bool damaged = false;
    auto database = open_database(file, damaged);
    std::filesystem::path aside;
    if (!database && damaged) {
        const auto now = std::chrono::system_clock::now().time_since_epoch();
        aside = fmt::format("{}.damaged-{}", file.string(),
                            std::chrono::duration_cast<std::chrono::seconds>(now).count());
        std::filesystem::rename(file, aside, error);
        for (const char* beside : {"-wal", "-shm"}) {
            std::error_code ignored;
            std::filesystem::remove(file.string() + beside, ignored);
        }
        damaged = false;
        database = open_database(file, damaged);
    }
    if (!database) {
        return tl::unexpected(database.error());
    }
    ::chmod(file.c_str(), S_IRUSR | S_IWUSR);
    auto history = std::unique_ptr<TestHistory>(new TestHistory(*std::move(database)));
    history->set_aside_ = aside;
    return history;
}

Result<std::int64_t> TestHistory::suite_id(const std::string& suite) {
    Statement add(database_.get(), "INSERT OR IGNORE INTO suite (key) VALUES (?)");
    add.text(1, suite);
    add.step();
    Statement find(database_.get(), "SELECT id FROM suite WHERE key = ?");
    find.text(1, suite);
    if (!find.step()) {
        return history_error(database_.get(), "written");
    }
    return find.number_at(0);
}

Result<TestHistory::Runs> TestHistory::runs(const std::string& suite) {
    Statement query(database_.get(),
                    "SELECT test, at_s, duration_ms, host_bytes, devices, kept_bytes, verdict "
                    "FROM run JOIN suite ON suite.id = run.suite WHERE suite.key = ? "
                    "ORDER BY run.id");
    query.text(1, suite);
    Runs runs;
    while (query.step()) {
        runs[query.text_at(0)].push_back({.at_s = query.number_at(1),
                                          .duration_ms = query.real_at(2),
                                          .host = bytes_of(query.number_at(3)),
                                          .devices = read_devices(query.text_at(4)),
                                          .kept = bytes_of(query.number_at(5)),
                                          .verdict = verdict_of(query.text_at(6))});
    }
    if (!query.is_done()) {
        return history_error(database_.get(), "read");
    }
    return runs;
}

Result<void> TestHistory::add(const std::string& suite,
                              const std::vector<std::pair<std::string, PastRun>>& runs) {
    if (!execute(database_.get(), "BEGIN IMMEDIATE")) {
        return history_error(database_.get(), "written");
    }
    const auto id = suite_id(suite);
    bool is_whole = id.has_value();
    Statement add(database_.get(),
                  "INSERT INTO run (suite, test, at_s, duration_ms, host_bytes, devices, "
                  "kept_bytes, verdict) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    Statement forget(database_.get(),
                     "DELETE FROM run WHERE suite = ?1 AND test = ?2 AND id <= (SELECT id FROM run "
                     "WHERE suite = ?1 AND test = ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3)");
    for (std::size_t index = 0; is_whole && index < runs.size(); ++index) {
        const auto& [test, run] = runs[index];
        add.number(1, *id);
        add.blob(2, test);
        add.number(3, run.at_s);
        add.real(4, run.duration_ms);
        add.number(5, static_cast<std::int64_t>(run.host.count()));
        add.text(6, devices_text(run.devices));
        add.number(7, static_cast<std::int64_t>(run.kept.count()));
        add.text(8, name(run.verdict));
        add.step();
        is_whole = add.is_done();
        add.reset();
        forget.number(1, *id);
        forget.blob(2, test);
        forget.number(3, kept_runs);
        forget.step();
        is_whole = is_whole && forget.is_done();
        forget.reset();
    }
    if (!is_whole || !execute(database_.get(), "COMMIT")) {
        auto failed = history_error(database_.get(), "written");
        (void)execute(database_.get(), "ROLLBACK");
        return failed;
    }
    return {};
}

std::optional<LearnedSize> learned_size(const std::vector<PastRun>& runs) {
    LearnedSize learned;
    std::size_t counted = 0;
    for (auto run = runs.rbegin(); run != runs.rend() && counted < learned_from; ++run) {
        const bool ran = run->host > Bytes{} || run->duration_ms > 0;
        if (!ran || run->verdict == Verdict::skipped) {
            continue;
        }
        counted += 1;
        learned.seconds += run->duration_ms / 1e3;
        learned.largest.host = std::max(learned.largest.host, run->host);
        for (const DeviceLimit& device : run->devices) {
            const auto same = std::find_if(
                learned.largest.devices.begin(), learned.largest.devices.end(),
                [&](const DeviceLimit& other) { return other.device == device.device; });
            if (same == learned.largest.devices.end()) {
                learned.largest.devices.push_back(device);
            } else {
                same->limit = std::max(same->limit, device.limit);
            }
        }
    }
    if (counted == 0) {
        return std::nullopt;
    }
    learned.seconds /= static_cast<double>(counted);
    learned.need = learned.largest;
    const auto with_margin = [](Bytes bytes) {
        return Bytes(static_cast<std::uint64_t>(std::ceil(bytes.as_double() * 1.15)));
    };
    learned.need.host = with_margin(learned.need.host);
    for (DeviceLimit& device : learned.need.devices) {
        device.limit = with_margin(device.limit);
    }
    return learned;
}

std::string history_key(Framework framework, const std::vector<std::string>& command,
                        const std::vector<TestMachine::Device>& devices) {
    std::filesystem::path subject = ".";  // pytest's tests are named from here
    if (framework == Framework::ctest) {
        const auto option = std::find(command.begin(), command.end(), "--test-dir");
        if (option != command.end() && std::next(option) != command.end()) {
            subject = *std::next(option);
        }
    } else if (framework != Framework::pytest && !command.empty()) {
        subject = command.front();
    }
    std::error_code error;
    const std::filesystem::path whole = std::filesystem::weakly_canonical(subject, error);
    std::string key =
        fmt::format("{}\n{}", name(framework), error ? subject.string() : whole.string());
    for (const TestMachine::Device& device : devices) {
        key += fmt::format("\n{} {}", device.name, device.total.count());
    }
    return key;
}

}  // namespace hexcore

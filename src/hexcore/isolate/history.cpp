#include "hexcore/isolate/history.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>
#include <system_error>
#include <utility>

#include "hexcore/base/state_home.hpp"
#include "hexcore/device/device_entry.hpp"

namespace hexcore {
namespace {

constexpr std::size_t learned_from = 5;

tl::unexpected<Error> history_error(int code, std::string_view doing) {
    return fail(ErrorCode::negative, "the history of tests cannot be {}: {}", doing,
                sqlite3_errstr(code));
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

TestVerdict verdict_of(const std::string& text) {
    for (const TestVerdict verdict :
         {TestVerdict::passed, TestVerdict::failed, TestVerdict::crashed, TestVerdict::timed_out,
          TestVerdict::over_budget, TestVerdict::skipped, TestVerdict::postponed,
          TestVerdict::flaky, TestVerdict::flaky_memory}) {
        if (text == name(verdict)) {
            return verdict;
        }
    }
    return TestVerdict::failed;
}

/// It would have taken more: what it took can raise what is known, and is no knowledge by itself.
bool ended_too_soon(TestVerdict verdict) {
    return verdict == TestVerdict::timed_out || verdict == TestVerdict::crashed ||
           verdict == TestVerdict::over_budget;
}

}  // namespace

std::filesystem::path TestHistory::default_file() {
    const std::filesystem::path home = state_home();
    return home.empty() ? home : home / "tests.sqlite";
}

Result<std::unique_ptr<TestHistory>> TestHistory::open(const std::filesystem::path& file) {
    std::error_code error;
    std::filesystem::create_directories(file.parent_path(), error);
    auto history = std::unique_ptr<TestHistory>(new TestHistory);
    const int code = history->database_.open(file);
    if (HistoryDatabase::is_damage(code)) {
        HEXCORE_TRY_VOID(history->begin_anew());
    } else if (code != SQLITE_OK) {
        return history_error(code, "opened");
    }
    if (history->database_.version() > HistoryDatabase::written_version) {
        return fail(ErrorCode::negative,
                    "the history of tests ({}) is of a later version of hexcore ({}; this one "
                    "knows {}) and stays as it is",
                    file.string(), history->database_.version(), HistoryDatabase::written_version);
    }
    return history;
}

Result<void> TestHistory::begin_anew() {
    HEXCORE_TRY(copy, database_.begin_anew());
    if (!copy.empty()) {
        set_aside_ = copy;
    }
    return {};
}

std::filesystem::path TestHistory::take_set_aside() { return std::exchange(set_aside_, {}); }

Result<TestHistory::Runs> TestHistory::runs(const std::string& suite) {
    Runs runs;
    int code = read(suite, runs);
    if (HistoryDatabase::is_damage(code)) {
        HEXCORE_TRY_VOID(begin_anew());
        runs.clear();
        code = read(suite, runs);
    }
    if (code != SQLITE_OK) {
        return history_error(code, "read");
    }
    return runs;
}

int TestHistory::read(const std::string& suite, Runs& runs) {
    SqlStatement query(database_.get(),
                       "SELECT test, at_s, duration_ms, host_bytes, devices, kept_bytes, verdict "
                       "FROM run JOIN suite ON suite.id = run.suite WHERE suite.key = ? "
                       "ORDER BY run.id");
    query.text(1, suite);
    while (query.step()) {
        runs[query.text_at(0)].push_back({.at_s = query.number_at(1),
                                          .duration_ms = query.real_at(2),
                                          .host = bytes_of(query.number_at(3)),
                                          .devices = read_devices(query.text_at(4)),
                                          .kept = bytes_of(query.number_at(5)),
                                          .verdict = verdict_of(query.text_at(6))});
    }
    return query.code() == SQLITE_DONE ? SQLITE_OK : query.code();
}

Result<void> TestHistory::add(const std::string& suite, const News& runs,
                              std::chrono::milliseconds patience) {
    database_.set_patience(patience);
    int code = write(suite, runs);
    if (HistoryDatabase::is_damage(code)) {
        HEXCORE_TRY_VOID(begin_anew());
        code = write(suite, runs);
    }
    if (code != SQLITE_OK) {
        return history_error(code, "written");
    }
    return {};
}

int TestHistory::write(const std::string& suite, const News& runs) {
    int code = database_.execute("BEGIN IMMEDIATE");
    if (code != SQLITE_OK) {
        return code;
    }
    code = write_rows(suite, runs);
    code = code == SQLITE_OK ? database_.execute("COMMIT") : code;
    if (code != SQLITE_OK) {
        (void)database_.execute("ROLLBACK");
    }
    return code;
}

int TestHistory::write_rows(const std::string& suite, const News& runs) {
    SqlStatement add_suite(database_.get(), "INSERT OR IGNORE INTO suite (key) VALUES (?)");
    add_suite.text(1, suite);
    add_suite.step();
    SqlStatement find(database_.get(), "SELECT id FROM suite WHERE key = ?");
    find.text(1, suite);
    if (!find.step()) {
        return find.code() == SQLITE_DONE ? add_suite.code() : find.code();
    }
    const std::int64_t id = find.number_at(0);
    SqlStatement add(database_.get(),
                     "INSERT INTO run (suite, test, at_s, duration_ms, host_bytes, devices, "
                     "kept_bytes, verdict) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    SqlStatement forget(
        database_.get(),
        "DELETE FROM run WHERE suite = ?1 AND test = ?2 AND id <= (SELECT id FROM run "
        "WHERE suite = ?1 AND test = ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3)");
    for (const auto& [test, run] : runs) {
        add.number(1, id);
        add.blob(2, test);
        add.number(3, run.at_s);
        add.real(4, run.duration_ms);
        add.number(5, static_cast<std::int64_t>(run.host.count()));
        add.text(6, devices_text(run.devices));
        add.number(7, static_cast<std::int64_t>(run.kept.count()));
        add.text(8, name(run.verdict));
        forget.number(1, id);
        forget.blob(2, test);
        forget.number(3, kept_runs);
        for (SqlStatement* statement : {&add, &forget}) {
            statement->step();
            if (statement->code() != SQLITE_DONE) {
                return statement->code();
            }
            statement->reset();
        }
    }
    return SQLITE_OK;
}

std::optional<LearnedSize> learned_size(const std::vector<PastRun>& runs) {
    LearnedSize learned;
    std::size_t counted = 0;
    for (auto run = runs.rbegin(); run != runs.rend() && counted < learned_from; ++run) {
        const bool ran = run->host > Bytes{} || run->duration_ms > 0;
        if (!ran || run->verdict == TestVerdict::skipped) {
            continue;
        }
        if (!ended_too_soon(run->verdict)) {
            counted += 1;
            learned.seconds += run->duration_ms / 1e3;
        }
        learned.largest.host = std::max(learned.largest.host, run->host);
        for (const DeviceLimit& device : run->devices) {
            Bytes& largest = entry_of(learned.largest.devices, device.device).limit;
            largest = std::max(largest, device.limit);
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

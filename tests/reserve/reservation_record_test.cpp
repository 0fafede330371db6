#include "hexcore/reserve/reservation_record.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <random>

namespace hexcore {
namespace {

using ::testing::HasSubstr;

ReservationRecord some_record() {
    ReservationRecord record;
    record.pid = 4711;
    record.start = 123456;
    record.pid_namespace = 4026531836;
    record.name = "tests/test_train.py::test_step[\"a\\b\"-ü]";
    record.state = ReservationState::waiting;
    record.ticket = 7;
    record.within = "12-1.json";
    record.claim = {.host = 8_GiB,
                    .devices = {{"cuda:0", "GPU-1", 4_GiB, 1_GiB}, {"cuda:1", "", 2_GiB}},
                    .cores = 3};
    record.host_used = 5_MiB;
    record.host_base = 70_MiB;
    record.cores_wanted = 2;
    return record;
}

/// The document of some_record() with one thing changed.
Result<ReservationRecord> read_with(const char* pointer, const nlohmann::json& value) {
    auto document = nlohmann::json::parse(reservation_json(some_record()));
    document[nlohmann::json::json_pointer(pointer)] = value;
    return read_reservation(document.dump());
}

TEST(ReservationRecord, SaysWhatItSaidWhenItIsReadBack) {
    const std::string text = reservation_json(some_record());
    const auto read = read_reservation(text);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(reservation_json(*read), text);
    EXPECT_EQ(read->name, some_record().name);
    EXPECT_EQ(read->claim.devices[0].used, 1_GiB);
    auto silent = some_record();
    silent.host_used.reset();
    EXPECT_THAT(reservation_json(silent), HasSubstr(R"("used_host_bytes":null)"));
    EXPECT_EQ(read_reservation(reservation_json(silent))->host_used, std::nullopt);
}

TEST(ReservationRecord, OfALaterVersionMayHaveMoreKeys) {
    EXPECT_TRUE(read_with("/colour", "blue"));
    EXPECT_TRUE(read_with("/devices/0/colour", "blue"));
}

TEST(ReservationRecord, OfAnEarlierVersionWantsNoMoreCores) {
    auto document = nlohmann::json::parse(reservation_json(some_record()));
    document.erase("cores_wanted");
    const auto read = read_reservation(document.dump());
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->cores_wanted, 0U);
}

TEST(ReservationRecord, WithAnythingThatTheFormatDoesNotAllowIsNone) {
    const auto too_much = std::numeric_limits<std::uint64_t>::max();
    const std::pair<const char*, nlohmann::json> changes[] = {{"/schema", "hexcore.reservation/2"},
                                                              {"/schema", 1},
                                                              {"/pid", 0},
                                                              {"/pid", -1},
                                                              {"/pid", 1ULL << 31},
                                                              {"/pid", "4711"},
                                                              {"/start", 1.5},
                                                              {"/start", nullptr},
                                                              {"/pid_namespace", true},
                                                              {"/name", ""},
                                                              {"/name", std::string(1025, 'x')},
                                                              {"/name", nlohmann::json::array()},
                                                              {"/state", "dead"},
                                                              {"/state", 1},
                                                              {"/ticket", too_much},
                                                              {"/within", nullptr},
                                                              {"/host_bytes", -1},
                                                              {"/host_bytes", too_much},
                                                              {"/host_bytes", 1e3},
                                                              {"/used_host_bytes", "1"},
                                                              {"/host_base_bytes", nullptr},
                                                              {"/cores", 1ULL << 32},
                                                              {"/cores_wanted", -1},
                                                              {"/devices", nullptr},
                                                              {"/devices/0", 1},
                                                              {"/devices/0/name", ""},
                                                              {"/devices/1/name", "cuda:0"},
                                                              {"/devices/1/uuid", "GPU-1"},
                                                              {"/devices/0/bytes", nullptr},
                                                              {"/devices/0/used_bytes", -1}};
    for (const auto& [pointer, value] : changes) {
        const auto read = read_with(pointer, value);
        ASSERT_FALSE(read) << pointer << " " << value;
        EXPECT_EQ(read.error().code, ErrorCode::bad_input);
        EXPECT_THAT(read.error().message, HasSubstr("it is no reservation: "));
    }
    for (const char* text : {"", "null", "[]", "{", "\xff\xfe", "{}", "{\"schema\":\"\"}"}) {
        EXPECT_FALSE(read_reservation(text)) << text;
    }
    EXPECT_FALSE(read_reservation(std::string(reservation_bytes_max, '[')));
    EXPECT_FALSE(read_reservation(reservation_json(some_record()) +
                                  std::string(reservation_bytes_max, ' ')));
}

TEST(ReservationRecord, OfHostileBytesIsReadOrRefused) {
    std::mt19937_64 random(20261130);
    const std::string whole = reservation_json(some_record());
    for (int round = 0; round < 20'000; ++round) {
        std::string text = whole;
        for (int change = 0; change < 1 + round % 4; ++change) {
            const std::size_t place = random() % text.size();
            switch (random() % 4) {
                case 0:
                    text[place] = static_cast<char>(random());
                    break;
                case 1:
                    text.erase(place, random() % 9);
                    break;
                case 2:
                    text.insert(place, text.substr(random() % text.size(), random() % 9));
                    break;
                default:
                    text[place] = "0123456789-.eE\"{}[],:"[random() % 21];
                    break;
            }
            text += text.empty() ? "{" : "";
        }
        // Whatever is read can be said again, and is the same then.
        if (const auto read = read_reservation(text)) {
            const auto again = read_reservation(reservation_json(*read));
            ASSERT_TRUE(again) << text;
            ASSERT_EQ(reservation_json(*again), reservation_json(*read)) << text;
        }
    }
}

}  // namespace
}  // namespace hexcore

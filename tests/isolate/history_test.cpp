#include "hexcore/isolate/history.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>
#include <string>

#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

using testing::HasSubstr;

class HistoryOfTests : public testing::Test {
protected:
    std::unique_ptr<TestHistory> open() const {
        auto history = TestHistory::open(file_);
        EXPECT_TRUE(history) << history.error().message;
        return *std::move(history);
    }

    /// Enough of it for many pages; nobody has it open then.
    void make() const {
        TestHistory::News news;
        for (int test = 0; test < 500; ++test) {
            news.emplace_back("test " + std::to_string(test), PastRun{.host = 5_MiB});
        }
        const auto history = open();
        const auto added = history->add("suite", news);
        ASSERT_TRUE(added) << added.error().message;
    }

    void overwrite(std::streamoff from, const std::string& with) const {
        std::fstream file(file_, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(from);
        file << with;
    }

    /// All but the first page, which alone says that it is a database.
    void damage() const {
        overwrite(4096, std::string(std::filesystem::file_size(file_) - 4096, '\xff'));
    }

    std::string bytes() const {
        std::ifstream file(file_, std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }

    test::TempFolder folder_;
    std::filesystem::path file_ = folder_ / "tests.sqlite";
};

const TestHistory::News one_run{{"a test", PastRun{.duration_ms = 5, .host = 7_MiB}}};

TEST_F(HistoryOfTests, ATableThatIsDamagedIsSetAsideAndItBeginsAnew) {
    make();
    damage();
    const std::string damaged = bytes();
    const auto history = open();
    const auto runs = history->runs("suite");
    ASSERT_TRUE(runs) << runs.error().message;
    EXPECT_TRUE(runs->empty());
    const std::filesystem::path copy = history->take_set_aside();
    EXPECT_EQ(std::filesystem::file_size(copy), damaged.size());
    EXPECT_EQ(history->take_set_aside(), "");
    ASSERT_TRUE(history->add("suite", one_run));
    EXPECT_EQ(open()->runs("suite")->at("a test").at(0).host, 7_MiB);
}

TEST_F(HistoryOfTests, DamageThatIsFoundOnWritingLosesNoNews) {
    make();
    const auto history = open();
    damage();
    const auto added = history->add("suite", one_run);
    ASSERT_TRUE(added) << added.error().message;
    EXPECT_NE(history->take_set_aside(), "");
    EXPECT_EQ(open()->runs("suite")->count("a test"), 1);
}

TEST_F(HistoryOfTests, WhatIsNoDatabaseIsSetAside) {
    std::ofstream(file_) << std::string(10'000, 'x');
    const auto history = open();
    EXPECT_EQ(std::filesystem::file_size(history->take_set_aside()), 10'000);
    EXPECT_TRUE(history->add("suite", one_run));
}

TEST_F(HistoryOfTests, OfTwoThatFindItDamagedTheSecondSetsAsideNothing) {
    make();
    const auto first = open();
    const auto second = open();
    damage();
    ASSERT_TRUE(first->add("suite", one_run));
    EXPECT_NE(first->take_set_aside(), "");
    const auto added = second->add("suite", {{"another", PastRun{}}});
    ASSERT_TRUE(added) << added.error().message;
    EXPECT_EQ(second->take_set_aside(), "");
    const auto runs = open()->runs("suite");
    EXPECT_EQ(runs->size(), 2);
}

TEST_F(HistoryOfTests, OneOfALaterVersionStaysAsItIs) {
    make();
    overwrite(60, std::string("\0\0\0\x63", 4));  // user_version
    const std::string before = bytes();
    const auto history = TestHistory::open(file_);
    ASSERT_FALSE(history);
    EXPECT_EQ(history.error().code, ErrorCode::negative);
    EXPECT_THAT(history.error().message, HasSubstr("later version of hexcore (99"));
    EXPECT_EQ(bytes(), before);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1);
}

}  // namespace
}  // namespace hexcore

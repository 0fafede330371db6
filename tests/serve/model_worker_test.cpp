#include "hexcore/serve/model_worker.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "hexcore/base/file_descriptor.hpp"
#include "support/temp_folder.hpp"

namespace hexcore::test {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using Ending = ModelWorker::Ending;

constexpr auto long_enough = 60s;

/// Workers that are scripts: each says that it is ready, and then does as it is told, line by line.
class ModelWorkerTest : public ::testing::Test {
protected:
    /// With a reader of our own, so that nobody waits for one.
    static FileDescriptor open_orders(const std::filesystem::path& path) {
        EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
        return FileDescriptor(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    }
    ModelWorkerOptions script(const std::string& behind) {
        return {.program = "/bin/sh",
                .arguments = {"-c", fmt::format("echo '{}'; order() {{ read x < {}; }}; {}",
                                                R"({"port": 1, "models": [{"id": "m"}]})",
                                                orders_path_.string(), behind)},
                .key_variable = "HEXCORE_TEST_KEY",
                .parking = parking_};
    }
    void give_order() const { EXPECT_EQ(::write(orders_.get(), "\n", 1), 1); }

    /// Waits for it as a question does.
    static Asked<std::optional<WorkerPlace>> wait_for(ModelWorker& worker,
                                                      ModelWorker::Wait& wait) {
        return worker.place(wait, long_enough);
    }

    TempFolder folder_;
    const std::filesystem::path parking_ = folder_ / "parked";
    const std::filesystem::path orders_path_ = folder_ / "orders";
    const FileDescriptor orders_ = open_orders(orders_path_);
};

TEST_F(ModelWorkerTest, IsNotAskedOnceItEndsAndTheNextIsStartedThen) {
    ModelWorker worker(script("order; exec >/dev/null; order"));
    ASSERT_TRUE(worker.start(nullptr));
    ASSERT_TRUE(worker.running());
    give_order();  // it says no more, and has not ended
    while (worker.running()) {
        std::this_thread::yield();
    }
    ModelWorker::Wait wait;
    const auto still_ending = worker.place(wait, 0ms);
    ASSERT_TRUE(still_ending) << still_ending.error().message;
    EXPECT_FALSE(*still_ending);
    EXPECT_EQ(worker.starts(), 1U);
    give_order();
    const auto next = wait_for(worker, wait);
    ASSERT_TRUE(next && *next);
    EXPECT_EQ((*next)->number, 2U);
}

TEST_F(ModelWorkerTest, IsEndedByNumberSoThatNoSuccessorIs) {
    ModelWorker worker(script("order"));
    ASSERT_TRUE(worker.start(nullptr));
    EXPECT_TRUE(worker.end(Ending::now, "it hangs", 1));
    ModelWorker::Wait wait;
    const auto next = wait_for(worker, wait);
    ASSERT_TRUE(next && *next);
    EXPECT_FALSE(worker.end(Ending::now, "it hangs", 1)) << "that one has ended";
    EXPECT_TRUE(worker.running());
    EXPECT_TRUE(worker.end(Ending::now, "it hangs", 2));
    EXPECT_FALSE(worker.running());
    EXPECT_FALSE(worker.end(Ending::now)) << "there is none";
}

TEST_F(ModelWorkerTest, CanBeAskedWhileItsEndIsTold) {
    std::promise<std::string> told;
    ModelWorker* asked = nullptr;
    ModelWorkerOptions options = script("order; exit 3");
    options.tell = [&](std::string_view sentence) {
        EXPECT_EQ(asked->starts(), 1U);
        EXPECT_FALSE(asked->running());
        told.set_value(std::string(sentence));
    };
    ModelWorker worker(std::move(options));
    asked = &worker;
    ASSERT_TRUE(worker.start(nullptr));
    give_order();
    EXPECT_THAT(told.get_future().get(),
                AllOf(HasSubstr("ended with exit code 3"), HasSubstr("its memory is back after")));
}

TEST_F(ModelWorkerTest, TakesWhatItParkedAlong) {
    const auto left = parking_ / "run-killed";
    std::filesystem::create_directories(left);
    std::ofstream(left / "lock") << "";
    std::ofstream(left / "1.session") << std::string(1000, 'x');
    ModelWorker worker(script("order"));
    ASSERT_TRUE(worker.start(nullptr));
    const auto end = worker.end(Ending::now);
    ASSERT_TRUE(end);
    EXPECT_TRUE(end->clean());
    ASSERT_EQ(end->parked.size(), 1U);
    EXPECT_EQ(end->parked[0].path, left.string());
    EXPECT_TRUE(end->parked[0].ended);
    EXPECT_FALSE(std::filesystem::exists(left));
}

}  // namespace
}  // namespace hexcore::test

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>

#include "hexcore/device/memory_holder.hpp"
#include "hexcore/watch/watch_command.hpp"
#include "support/recordings.hpp"

namespace hexcore {
namespace {

using std::chrono::milliseconds;

/// Lets both processes go once a look has found them with what they share.
class UntilShared : public test::KeptRecords {
public:
    UntilShared() { EXPECT_EQ(::pipe(pipe_.data()), 0); }
    ~UntilShared() override {
        ::close(pipe_[0]);
        ::close(pipe_[1]);
    }
    void counted_once(const RecordedCountedOnce& counted) override {
        KeptRecords::counted_once(counted);
        if (!found_ && counted.n_processes == 2 && counted.resident >= 128_MiB) {
            found_ = true;
            EXPECT_EQ(::write(pipe_[1], "xx", 2), 2);
        }
    }
    [[nodiscard]] std::string descriptor() const { return std::to_string(pipe_[0]); }

private:
    bool found_ = false;
    std::array<int, 2> pipe_{};
};

TEST(SharedPages, OfProcessesThatWereForkedCountOnce) {
    if (!tells_shared_memory({})) {
        GTEST_SKIP() << "this kernel does not tell what processes share";
    }
    UntilShared kept;
    WatchOptions options{.writer = "test", .interval = milliseconds(2), .sample_gpus = false};
    options.command = {HEXCORE_MEMORY_CHILD, "share", "64", kept.descriptor()};
    const auto end = watch_command(options, {&kept});
    ASSERT_TRUE(end.has_value()) << end.error().message;
    EXPECT_EQ(end->exit_code(), 7);
    bool is_found = false;
    RecordedTime last{};
    for (const RecordedCountedOnce& counted : kept.all_counted_once) {
        EXPECT_LE(counted.once, counted.resident);
        EXPECT_GE(counted.time, last);
        last = counted.time;
        if (counted.resident >= 128_MiB && counted.n_processes == 2) {
            is_found = true;
            EXPECT_LE(counted.once + 60_MiB, counted.resident);
        }
    }
    EXPECT_TRUE(is_found);
}

}  // namespace
}  // namespace hexcore

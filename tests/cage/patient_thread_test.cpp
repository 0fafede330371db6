#include "hexcore/cage/patient_thread.hpp"

#include <gtest/gtest.h>

#include <future>
#include <optional>

namespace hexcore {
namespace {

using std::chrono::milliseconds;

TEST(PatientThread, HasEndedWithAllItHoldsBeforeItsOwnerGoesOn) {
    const auto held = std::make_shared<int>(0);
    std::promise<void> began;
    {
        const PatientThread thread(
            [held, &began](const std::atomic<bool>& stop) {
                began.set_value();
                while (!stop) {
                    std::this_thread::yield();
                }
                std::this_thread::sleep_for(milliseconds(5));
            },
            std::chrono::minutes(10));
        began.get_future().wait();
    }
    EXPECT_EQ(held.use_count(), 1);
}

TEST(PatientThread, OneThatHangsIsLeftAlone) {
    struct Shared {
        std::promise<void> go;
        std::promise<void> ended;
    };
    const auto shared = std::make_shared<Shared>();
    std::optional<PatientThread> thread;
    thread.emplace(
        [shared](const std::atomic<bool>&) {
            shared->go.get_future().wait();
            shared->ended.set_value();
        },
        milliseconds(1));
    thread.reset();  // would not return
    shared->go.set_value();
    shared->ended.get_future().wait();
}

}  // namespace
}  // namespace hexcore

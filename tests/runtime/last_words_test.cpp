#include "hexcore/runtime/last_words.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <functional>
#include <new>
#include <stdexcept>
#include <system_error>

#include "ggml.h"
#include "hexcore/base/result.hpp"

namespace hexcore {
namespace {

/// Lets what `work` throws leave the program, as from a thread that nobody expects it of.
void uncaught(const std::function<void()>& work) noexcept { work(); }

[[noreturn]] void refuse(std::errc why) { throw std::system_error(std::make_error_code(why)); }

constexpr int does_not_fit = static_cast<int>(ErrorCode::does_not_fit);

TEST(LastWords, MemoryAndThreadsThatTheSystemRefusesDoNotFit) {
    EXPECT_EXIT(
        {
            end_program_with_a_sentence();
            uncaught([] { throw std::bad_alloc(); });
        },
        ::testing::ExitedWithCode(does_not_fit), "hexcore: the system refuses .*ulimit");
    for (const std::errc why :
         {std::errc::resource_unavailable_try_again, std::errc::not_enough_memory}) {
        EXPECT_EXIT(
            {
                end_program_with_a_sentence();
                uncaught([why] { refuse(why); });
            },
            ::testing::ExitedWithCode(does_not_fit), "hexcore: the system refuses .*ulimit -u");
    }
}

TEST(LastWords, AnyOtherExceptionIsABugAndNoFilesFault) {
    EXPECT_EXIT(
        {
            end_program_with_a_sentence();
            uncaught([] { throw std::out_of_range("some map"); });
        },
        ::testing::KilledBySignal(SIGABRT), "bug: nothing caught: some map");
    EXPECT_EXIT(
        {
            end_program_with_a_sentence();
            uncaught([] { refuse(std::errc::invalid_argument); });
        },
        ::testing::KilledBySignal(SIGABRT), "bug: nothing caught: ");
}

TEST(LastWords, WhereInItsSourcesGgmlStopsComesLastOrIsLeftOut) {
    EXPECT_EXIT(
        {
            end_program_with_a_sentence();
            ggml_abort("/somewhere/ggml.c", 12, "GGML_ASSERT(%s) failed", "a > b");
        },
        ::testing::ExitedWithCode(static_cast<int>(ErrorCode::bad_input)),
        "with this model: GGML_ASSERT.a > b. failed .ggml.c, line 12.\\. Its file");
    EXPECT_EXIT(
        {
            end_program_with_a_sentence();
            ggml_abort("/somewhere/ggml-rpc.cpp", 566, "Remote RPC server crashed");
        },
        ::testing::ExitedWithCode(static_cast<int>(ErrorCode::missing_device)),
        "server is lost .Remote RPC server crashed.; see");
}

TEST(LastWords, AnExaminationSaysWhatLibllamaThrowsOverTheFile) {
    EXPECT_EXIT(
        {
            end_examination_with_last_words();
            uncaught([] { throw std::out_of_range("some map"); });
        },
        [](int status) {
            return WIFEXITED(status) && WEXITSTATUS(status) > 5 && WEXITSTATUS(status) != 130;
        },
        "^some map$");
}

}  // namespace
}  // namespace hexcore

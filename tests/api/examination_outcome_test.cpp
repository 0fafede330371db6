#include "hexcore/api/examination_outcome.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>

#include "hexcore/api/examination_request.hpp"

namespace hexcore {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::size_t kept_bytes = 65536;

/// Of a process that began as one of this version does.
ChildOutcome greeted(ChildOutcome outcome) {
    outcome.out.insert(0, examination_greeting());
    outcome.out.erase(0, outcome.out.size() - std::min(kept_bytes, outcome.out.size()));
    return outcome;
}

/// What is said of a file whose examination ended so; nothing of one that passed.
Error error_of(const ChildOutcome& outcome) {
    const auto result = examination_result("/bin/hexcore", "m.gguf", greeted(outcome));
    EXPECT_FALSE(result);
    return result ? Error{} : result.error();
}

ChildOutcome exited(int code, std::string out = "", std::string err = "") {
    return {.exit_code = code, .out = std::move(out), .err = std::move(err)};
}

ChildOutcome signalled(int signal, std::string out = "", std::string err = "") {
    return {
        .end = ChildEnd::signalled, .signal = signal, .out = std::move(out), .err = std::move(err)};
}

TEST(ExaminationOutcome, OneThatEndsWith0PassesWhateverItWrote) {
    for (const ChildOutcome& outcome : {exited(0), exited(0, "step\n", "hexcore: a warning\n")}) {
        EXPECT_TRUE(examination_result("/bin/hexcore", "m.gguf", greeted(outcome)));
    }
}

TEST(ExaminationOutcome, AProgramThatDoesNotExamineIsToBlameAndNotTheFile) {
    for (const ChildOutcome& outcome :
         {exited(0), exited(2, "", "hexcore: unknown option\n"), exited(4, "", "hexcore: bad\n"),
          exited(0, "hexcore 0.0.1 examines\nreading\n")}) {
        const auto result = examination_result("/bin/other", "m.gguf", outcome);
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().code, ErrorCode::usage);
        EXPECT_THAT(result.error().message, StartsWith("/bin/other does not try out model files"));
        ASSERT_EQ(result.error().remedies.size(), 1U);
        EXPECT_EQ(result.error().remedies[0].change, Change::name_examiner);
    }
    const auto killed = examination_result("/bin/hexcore", "m.gguf", signalled(SIGKILL));
    ASSERT_FALSE(killed);
    EXPECT_EQ(killed.error().code, ErrorCode::does_not_fit);
}

TEST(ExaminationOutcome, ItsOwnSentenceAndCodeArePassedOn) {
    const Error bad = error_of(exited(4, "step\n", "hexcore: m.gguf: bad\n"));
    EXPECT_EQ(bad.code, ErrorCode::bad_input);
    EXPECT_EQ(bad.message, "m.gguf: bad");
    const Error large = error_of(exited(3, "step\n", "hexcore: no memory\n"));
    EXPECT_EQ(large.code, ErrorCode::does_not_fit);
    EXPECT_EQ(large.message, "no memory");
}

TEST(ExaminationOutcome, OneThatEndsWith3WasRefusedMemoryWhateverItWroteFirst) {
    const Error error = error_of(exited(3, "reading\n", "a warning\nhexcore: no memory\n"));
    EXPECT_EQ(error.code, ErrorCode::does_not_fit);
    EXPECT_THAT(error.message, HasSubstr("while reading: a warning hexcore: no memory"));
}

TEST(ExaminationOutcome, AnyOtherCodeIsTheFilesWithTheLastStepAndTheLastWords) {
    const Error error = error_of(exited(70, "first\nsecond\n", "ggml.c:1: GGML_ASSERT(x)"));
    EXPECT_EQ(error.code, ErrorCode::bad_input);
    EXPECT_THAT(error.message, StartsWith("m.gguf: libllama cannot use the file: it stops while "
                                          "second: ggml.c:1: GGML_ASSERT(x). "));
    EXPECT_THAT(error_of(exited(2, "", "hexcore: wrong usage\n")).message,
                HasSubstr("while starting: hexcore: wrong usage"));
    EXPECT_THAT(error_of(exited(9)).message, HasSubstr("exit code 9 and without a word"));
}

TEST(ExaminationOutcome, ASignalIsNamed) {
    const Error silent = error_of(signalled(SIGSEGV, "trying\n"));
    EXPECT_EQ(silent.code, ErrorCode::bad_input);
    EXPECT_THAT(silent.message, HasSubstr("while trying: Segmentation fault. "));
    EXPECT_THAT(error_of(signalled(SIGABRT, "trying\n", "what\n")).message,
                HasSubstr("while trying: Aborted, what. "));
}

TEST(ExaminationOutcome, OneThatIsKilledRanOutOfMemory) {
    const Error error = error_of(signalled(SIGKILL, "making a context\n"));
    EXPECT_EQ(error.code, ErrorCode::does_not_fit);
    EXPECT_THAT(error.message, HasSubstr("while making a context, most likely"));
}

TEST(ExaminationOutcome, OneThatComesToNoEndSaysAfterHowLong) {
    const Error error = error_of({.end = ChildEnd::timed_out, .out = "reading\n", .err = ""});
    EXPECT_EQ(error.code, ErrorCode::bad_input);
    EXPECT_THAT(error.message, HasSubstr("no end within 120 s"));
    EXPECT_THAT(error.message, HasSubstr("while reading"));
}

TEST(ExaminationOutcome, OnlyAWholeLineIsAStep) {
    EXPECT_THAT(error_of(signalled(SIGSEGV, "first\nsec")).message, HasSubstr("while first:"));
    EXPECT_THAT(error_of(signalled(SIGSEGV, "fir")).message, HasSubstr("while starting:"));
}

TEST(ExaminationOutcome, GarbageBecomesOneShortPrintableSentence) {
    const std::string garbage = std::string("\x1b[2J\0\xff\r\n\t", 9) + "\n\n\xe2\x80\xae";
    for (const ChildOutcome& outcome :
         {exited(70, garbage, garbage), exited(4, garbage, "hexcore: " + garbage),
          exited(3, garbage, garbage), signalled(SIGBUS, garbage, garbage),
          signalled(SIGKILL, garbage, garbage)}) {
        const std::string message = error_of(outcome).message;
        for (const char* never : {"\x1b", "\n", "\r", "\xff", "\xe2\x80\xae"}) {
            EXPECT_THAT(message, Not(HasSubstr(never)));
        }
        EXPECT_EQ(message.find('\0'), std::string::npos);
    }
}

TEST(ExaminationOutcome, OutputThatWasCutStillGivesTheLastStepAndAShortSentence) {
    const std::string cut(kept_bytes - 5, 'x');
    const Error stopped = error_of(signalled(SIGSEGV, cut + "\nend\n", cut + "\nend\n"));
    EXPECT_THAT(stopped.message, HasSubstr("while end: Segmentation fault, xxx"));
    EXPECT_LT(stopped.message.size(), 1000U);
    const Error one_line = error_of(exited(70, cut + "xxxxx", cut + "xxxxx"));
    EXPECT_THAT(one_line.message, HasSubstr("while starting: xxx"));
    EXPECT_LT(one_line.message.size(), 1000U);
    const Error own = error_of(exited(4, "", ("hexcore: " + cut).substr(0, kept_bytes)));
    EXPECT_THAT(own.message, EndsWith("xxx..."));
    EXPECT_LT(own.message.size(), 10000U);
}

}  // namespace
}  // namespace hexcore

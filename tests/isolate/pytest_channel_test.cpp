#include "hexcore/isolate/pytest_channel.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "hexcore/isolate/pytest_command.hpp"

namespace hexcore {
namespace {

struct Connected {
    PytestChannel ours;
    PytestChannel theirs;

    static Connected make() {
        auto ends = PytestChannel::make_ends();
        EXPECT_TRUE(ends.has_value());
        return {PytestChannel(std::move(ends->ours)), PytestChannel(std::move(ends->theirs))};
    }
};

bool is_same_file(int one, int other) {
    struct stat a {};
    struct stat b {};
    return ::fstat(one, &a) == 0 && ::fstat(other, &b) == 0 && a.st_ino == b.st_ino &&
           a.st_dev == b.st_dev;
}

TEST(PytestChannel, MessagesArriveWholeInOrderWithTheirDescriptors) {
    Connected connected = Connected::make();
    const FileDescriptor first("/dev/null");
    const FileDescriptor second("/dev/zero");
    const std::string long_text(100'000, 'x');
    EXPECT_TRUE(connected.ours.send({{"begin", 1}, {"text", long_text}}));
    EXPECT_TRUE(connected.ours.send({{"run", 2}}, {first.get()}));
    EXPECT_TRUE(connected.ours.send({{"run", 3}}, {second.get(), first.get()}));
    std::vector<PytestMessage> all;
    while (all.size() < 3) {
        for (PytestMessage& message : connected.theirs.read()) {
            all.push_back(std::move(message));
        }
    }
    EXPECT_EQ(all[0].number("begin"), 1U);
    EXPECT_EQ(all[0].text("text"), long_text);
    EXPECT_TRUE(all[0].descriptors.empty());
    ASSERT_EQ(all[1].descriptors.size(), 1U);
    EXPECT_TRUE(is_same_file(all[1].descriptors[0].get(), first.get()));
    ASSERT_EQ(all[2].descriptors.size(), 2U);
    EXPECT_TRUE(is_same_file(all[2].descriptors[0].get(), second.get()));
    EXPECT_FALSE(connected.theirs.has_ended());
}

TEST(PytestChannel, HalfALineAndWhatIsNoMessageAreNone) {
    Connected connected = Connected::make();
    EXPECT_TRUE(connected.ours.send_text("no JSON\n[1]\n\"text\"\n\n{\"end\": 1}\n{\"half"));
    const auto messages = connected.theirs.read();
    ASSERT_EQ(messages.size(), 1U);
    EXPECT_TRUE(messages[0].has("end"));
    EXPECT_TRUE(connected.ours.send_text("\": 2}\n"));
    EXPECT_EQ(connected.theirs.read().size(), 1U);
}

TEST(PytestChannel, ValuesOfAnotherTypeAreNone) {
    Connected connected = Connected::make();
    EXPECT_TRUE(connected.ours.send_text(
        R"({"test":-1,"id":7,"isolated":1,"timeout_s":"3","descriptors":99,"name":"\udc80"})"
        "\n"
        R"({"test":{},"id":null,"isolated":true,"timeout_s":1.5})"
        "\n"));
    const auto messages = connected.theirs.read();
    ASSERT_EQ(messages.size(), 1U);  // half a surrogate pair is no JSON
    EXPECT_EQ(messages[0].number("test"), 0U);
    EXPECT_EQ(messages[0].text("id"), "");
    EXPECT_TRUE(messages[0].is_set("isolated"));
    EXPECT_EQ(messages[0].real("timeout_s"), 1.5);
    EXPECT_EQ(messages[0].real("isolated"), std::nullopt);
}

TEST(PytestChannel, ItEndsWhenTheOtherSideIsGone) {
    Connected connected = Connected::make();
    EXPECT_TRUE(connected.ours.send({{"done", true}}));
    { const Connected gone = std::move(connected); }
    Connected other = Connected::make();
    { const PytestChannel gone = std::move(other.ours); }
    EXPECT_TRUE(other.theirs.read().empty());
    EXPECT_TRUE(other.theirs.has_ended());
    EXPECT_FALSE(other.theirs.send({{"end", true}}));
}

TEST(PytestCommand, IsKnownByItsName) {
    for (const std::vector<std::string>& words :
         std::vector<std::vector<std::string>>{{"pytest"},
                                               {"/usr/bin/py.test", "-x"},
                                               {"pytest-3.11"},
                                               {"python3", "-m", "pytest", "tests"},
                                               {"python3", "-X", "dev", "-m", "pytest"},
                                               {"coverage", "run", "-m", "pytest"},
                                               {"uv", "run", "pytest"},
                                               {"env", "A=1", "pytest"}}) {
        EXPECT_TRUE(is_pytest(words)) << words.front();
    }
    for (const std::vector<std::string>& words :
         std::vector<std::vector<std::string>>{{},
                                               {"./some_test", "pytest"},
                                               {"python3", "pytest.py"},
                                               {"python3", "-m", "unittest"},
                                               {"./test", "-m"},
                                               {"pytester"}}) {
        EXPECT_FALSE(is_pytest(words));
    }
}

TEST(PytestCommand, VariablesAreAddedToAndCanBePutBack) {
    ::setenv("PYTEST_ADDOPTS", "-q", 1);
    ::unsetenv("PYTHONPATH");
    const auto variables = pytest_variables("/folder", "7");
    EXPECT_EQ(variables,
              (std::vector<std::string>{
                  "PYTHONPATH=/folder", "PYTEST_ADDOPTS=-q -p pytest_hexcore.runner",
                  "HEXCORE_TEST_CHANNEL=7",
                  R"(HEXCORE_TEST_RESTORED={"PYTEST_ADDOPTS":"-q","PYTHONPATH":null})"}));
    ::unsetenv("PYTEST_ADDOPTS");
}

TEST(PytestCommand, ThePluginIsFoundInTheBuildFolder) {
    const auto folder = pytest_plugin_folder();
    ASSERT_TRUE(folder.has_value()) << folder.error().message;
    EXPECT_EQ(folder->filename(), "pytest");
}

}  // namespace
}  // namespace hexcore

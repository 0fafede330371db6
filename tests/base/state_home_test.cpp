#include "hexcore/base/state_home.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

/// The variable as it was, at the end.
class Variable {
public:
    Variable(const char* name, const char* value) : name_(name) {
        const char* before = std::getenv(name);
        had_ = before != nullptr;
        before_ = had_ ? before : "";
        value == nullptr ? ::unsetenv(name) : ::setenv(name, value, 1);
    }
    ~Variable() { had_ ? ::setenv(name_, before_.c_str(), 1) : ::unsetenv(name_); }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;

private:
    const char* name_;
    bool had_ = false;
    std::string before_;
};

TEST(StateHome, IsWhereTheEnvironmentSays) {
    const test::TempFolder folder;
    const Variable home("HOME", folder.path().c_str());
    {
        const Variable state("XDG_STATE_HOME", "/tmp/none/such");
        EXPECT_EQ(state_home(), "/tmp/none/such/hexcore");
    }
    const Variable state("XDG_STATE_HOME", nullptr);
    EXPECT_EQ(state_home(), folder / ".local/state/hexcore");
    EXPECT_EQ(find_state_home().why_elsewhere, "");
    const Variable none("HOME", nullptr);
    EXPECT_TRUE(state_home().empty());
}

TEST(StateHome, DataHasAHomeOfItsOwn) {
    const test::TempFolder folder;
    const Variable home("HOME", folder.path().c_str());
    const Variable data("XDG_DATA_HOME", nullptr);
    EXPECT_EQ(data_home(), folder / ".local/share/hexcore");
    const Variable named("XDG_DATA_HOME", "/tmp/none/such");
    EXPECT_EQ(data_home(), "/tmp/none/such/hexcore");
}

/// As with `sudo -E`, which leaves the variables as they were.
TEST(StateHome, IsNotAnotherUsers) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "only root can give a folder to another user";
    }
    const test::TempFolder folder;
    constexpr uid_t somebody = 65534;
    ASSERT_EQ(::chown(folder.path().c_str(), somebody, somebody), 0);
    const Variable home("HOME", folder.path().c_str());
    for (const char* variable : {"XDG_STATE_HOME", "HOME"}) {
        const Variable state("XDG_STATE_HOME", *variable == 'X' ? folder.path().c_str() : nullptr);
        const StateHome found = find_state_home();
        EXPECT_FALSE(found.path.string().starts_with(folder.path().string()));
        EXPECT_NE(found.why_elsewhere.find(variable), std::string::npos) << found.why_elsewhere;
        EXPECT_NE(found.why_elsewhere.find("another user's"), std::string::npos);
    }
}

}  // namespace
}  // namespace hexcore

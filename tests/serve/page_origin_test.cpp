#include "hexcore/serve/page_origin.hpp"

#include <gtest/gtest.h>

namespace hexcore {
namespace {

constexpr const char* here = "127.0.0.1";

TEST(PageOrigin, WhoIsNoPageMayAskByAnyName) {
    EXPECT_TRUE(page_may_ask("", "127.0.0.1:8080", here, false));
    EXPECT_TRUE(page_may_ask("", "anything.example", here, false));
    EXPECT_TRUE(page_may_ask("", "", here, false));
}

TEST(PageOrigin, APageOfAnotherOriginMayNotAsk) {
    for (const bool has_key : {false, true}) {
        EXPECT_FALSE(page_may_ask("http://somewhere", "127.0.0.1:8080", here, has_key));
        EXPECT_FALSE(page_may_ask("http://127.0.0.1", "127.0.0.1:8080", here, has_key));
        EXPECT_FALSE(page_may_ask("null", "127.0.0.1:8080", here, has_key));
        EXPECT_FALSE(page_may_ask("http://", "", here, has_key));
    }
}

TEST(PageOrigin, ItsOwnPagesMayAskByAnAddressOrANameOfThisMachine) {
    EXPECT_TRUE(page_may_ask("http://127.0.0.1:8080", "127.0.0.1:8080", here, false));
    EXPECT_TRUE(page_may_ask("http://10.1.2.3", "10.1.2.3", "0.0.0.0", false));
    EXPECT_TRUE(page_may_ask("http://[::1]:8080", "[::1]:8080", "::1", false));
    EXPECT_TRUE(page_may_ask("http://localhost:8080", "localhost:8080", here, false));
    EXPECT_TRUE(page_may_ask("http://chat.localhost", "chat.localhost", here, false));
    EXPECT_TRUE(page_may_ask("http://box.lan:8080", "box.lan:8080", "box.lan", false));
}

TEST(PageOrigin, ANameThatSomebodyMadeLeadHereTakesAKey) {
    EXPECT_FALSE(page_may_ask("http://evil.example:8080", "evil.example:8080", here, false));
    EXPECT_FALSE(page_may_ask("http://evil.example", "evil.example", "0.0.0.0", false));
    EXPECT_FALSE(page_may_ask("http://127.0.0.1.example", "127.0.0.1.example", here, false));
    EXPECT_FALSE(page_may_ask("http://notlocalhost", "notlocalhost", here, false));
    EXPECT_FALSE(page_may_ask("http://[", "[", here, false));
    EXPECT_TRUE(page_may_ask("http://box.example:8080", "box.example:8080", here, true));
}

}  // namespace
}  // namespace hexcore

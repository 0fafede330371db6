// Test cases of each kind and with every sort of name, for those that list, run and judge them.

#define CATCH_CONFIG_MAIN
#ifdef HEXCORE_SAMPLE_CATCH2_3
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#else
#include <catch2/catch.hpp>
#endif
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <thread>

#include "hexcore/testing/catch2.hpp"

HEXCORE_WATCH_MEMORY()

TEST_CASE("passes") {
    std::cout << "said by the test\n";
    REQUIRE(1 == 1);
}
TEST_CASE("fails") {
    const int one = 1;
    REQUIRE(one == 2);
}
TEST_CASE("checks nothing") {}
TEST_CASE("fails in its second section") {
    SECTION("first") { CHECK(true); }
    SECTION("second") { FAIL("said so"); }
}
TEST_CASE("throws what nobody catches") { throw std::runtime_error("thrown"); }
TEST_CASE("prints what a report ends with") {
    std::cout << "All tests passed (1 assertion in 1 test case)\n";
    std::exit(0);
}
TEST_CASE("may fail", "[!mayfail]") { CHECK(false); }
TEST_CASE("should fail", "[!shouldfail]") { CHECK(true); }
TEST_CASE("fails as expected", "[!shouldfail]") { CHECK(false); }
TEST_CASE("ends in the middle with zero") { std::exit(0); }
TEST_CASE("ends in the middle with zero at once") { ::_exit(0); }
TEST_CASE("ends in the middle with four") { std::exit(4); }
TEST_CASE("ends by a signal") { std::raise(SIGSEGV); }
TEST_CASE("ends by SIGKILL") { ::kill(::getpid(), SIGKILL); }
TEST_CASE("ends badly after it passed") {
    std::atexit([] { ::_exit(5); });
}
TEST_CASE("hidden", "[.][slow]") { FAIL(); }
TEST_CASE("has budgets", "[memory:512MiB][device:cuda:0=4GiB][timeout:90s][isolated][fast]") {}
TEST_CASE("generates", "[a tag with blanks][another]") { CHECK(GENERATE(1, 2, 3) < 3); }

// Catch2 itself takes these two for the same.
TEST_CASE("Case") { CHECK(true); }
TEST_CASE("case", "[second]") { CHECK(true); }
TEST_CASE("*at the start") { CHECK(true); }
TEST_CASE("other at the start") { CHECK(true); }
TEST_CASE("exclude:this") { CHECK(true); }
TEST_CASE("~not") { CHECK(true); }
TEST_CASE("a, b, [c] and \"d\"") { CHECK(true); }
TEST_CASE("[") { CHECK(true); }
TEST_CASE("back\\slash\\") { CHECK(true); }
TEST_CASE("#hash") { CHECK(true); }
TEST_CASE("-dash") { CHECK(true); }
TEST_CASE("  blanks around  ") { CHECK(true); }
TEST_CASE("<xml & 'more'>") { CHECK(true); }
TEST_CASE("\xF0\x9F\x98\x80 \xC3\xA4") { CHECK(true); }
TEST_CASE(
    "a very long name that a listing has to break somewhere, since it is far longer than "
    "eighty columns [and has brackets]; and/slashes",
    "[a very long tag, too, that is a good deal longer than a line may be here][fast]"
    "[memory:1GiB]") {
    CHECK(true);
}

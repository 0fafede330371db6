// A program's tests with Catch2: budgets that `hexcore test` keeps are tags.

#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_test_macros.hpp>
#else
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#endif

#include <cstddef>
#include <vector>

#include "hexcore/testing/catch2.hpp"

HEXCORE_WATCH_MEMORY()

namespace {

std::vector<std::vector<char>> cache;

TEST_CASE("the cache grows with use", "[memory:512MiB][timeout:30s]") {
    cache.emplace_back(std::size_t{150} * 1024 * 1024, 'x');
    CHECK(cache.size() == 1);
}

TEST_CASE_METHOD(hexcore::testing::CleanMemory, "the cache is cleared") {
    cache.clear();
    CHECK(held_before().size() == 1);
}

}  // namespace

#include "hexcore/backend/ggml_layout.hpp"

#include <gtest/gtest.h>

namespace hexcore {
namespace {

// That another ggml is refused is tried on real programs, in tests/e2e/plugin_test.py.
TEST(GgmlLayout, IsThatOfTheGgmlThatThisWasBuiltWith) {
    const auto same = check_ggml_layout();
    EXPECT_TRUE(same) << same.error().message;
}

}  // namespace
}  // namespace hexcore

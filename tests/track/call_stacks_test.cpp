#include "hexcore/track/call_stacks.hpp"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

/// What was told of call stacks.
struct Told {
    std::map<std::uint64_t, std::string> modules;
    std::vector<std::vector<std::uint64_t>> stacks;
    bool is_full = false;  ///< nothing more can be told

    /// Of where this is called, two frames above.
    [[gnu::noinline]] std::uint64_t number_of_now(CallStacks& stacks_of_process) {
        return stacks_of_process.number_of_now(
            [this](std::uint64_t number, std::string_view path) {
                modules[number] = path;
                return !is_full;
            },
            [this](std::span<const std::uint64_t> numbers) {
                stacks.emplace_back(numbers.begin(), numbers.end());
                return !is_full;
            });
    }
    /// The modules of a stack, without folders.
    [[nodiscard]] std::vector<std::string> modules_of(const std::vector<std::uint64_t>& stack) {
        std::vector<std::string> names;
        for (std::size_t i = 1; i + 1 < stack.size(); i += 2) {
            names.push_back(std::filesystem::path(modules[stack[i]]).filename().string());
        }
        return names;
    }
};

TEST(CallStacks, AreToldOnceAndAgainUnderTheSameNumberWhereSomethingWasLost) {
    CallStacks stacks;
    Told told;
    std::vector<std::uint64_t> numbers;
    for (int i = 0; i < 4; ++i) {
        if (i == 2) {
            stacks.forget_told();
        }
        numbers.push_back(told.number_of_now(stacks));
    }
    EXPECT_NE(numbers[0], 0U);
    EXPECT_EQ(numbers, std::vector<std::uint64_t>(4, numbers[0]));
    ASSERT_EQ(told.stacks.size(), 2U);
    EXPECT_EQ(told.stacks[0], told.stacks[1]);
    EXPECT_EQ(told.modules_of(told.stacks[0])[0], "test_track");
    EXPECT_NE(told.number_of_now(stacks), numbers[0]) << "another line";
}

TEST(CallStacks, ThatCouldNotBeToldAreToldLater) {
    CallStacks stacks;
    Told told;
    std::vector<std::uint64_t> numbers;
    for (const bool is_full : {true, false}) {
        told.is_full = is_full;
        told.stacks.clear();
        numbers.push_back(told.number_of_now(stacks));
    }
    EXPECT_EQ(numbers[0], 0U);
    EXPECT_NE(numbers[1], 0U);
    EXPECT_EQ(told.stacks.size(), 1U);
}

/// The loader may put one library where another was, and keep its own notes of it there, too.
TEST(CallStacks, SayWhichLibraryIsInThePlaceOfAnother) {
    const test::TempFolder folder;
    CallStacks stacks;
    Told told;
    struct Call {
        CallStacks& stacks;
        Told& told;
    } call{stacks, told};
    for (const std::string name : {"first.so", "second.so"}) {
        const std::string path = (folder / name).string();
        std::filesystem::copy_file(HEXCORE_CALLING_LIBRARY, path);
        void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
        ASSERT_NE(library, nullptr) << ::dlerror();
        using Function = int (*)(int (*)(void*), void*);
        const auto function = reinterpret_cast<Function>(::dlsym(library, "call"));
        ASSERT_NE(function, nullptr);
        function(
            [](void* with) {
                auto& both = *static_cast<Call*>(with);
                return both.told.number_of_now(both.stacks) == 0 ? 1 : 0;
            },
            &call);
        EXPECT_EQ(told.modules_of(told.stacks.back())[1], name);
        ASSERT_EQ(::dlclose(library), 0);
    }
    EXPECT_EQ(told.stacks.size(), 2U);
}

}  // namespace
}  // namespace hexcore

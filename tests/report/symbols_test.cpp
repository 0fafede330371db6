#include "hexcore/report/symbols.hpp"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <link.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

namespace hexcore {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TextRef module_at(const std::string& path) {
    return std::make_shared<RecordedText>(RecordedText{1, path});
}

/// As a program records it: how far from where its module was loaded.
RecordedFrame frame_of(const void* address, const std::string& path) {
    Dl_info info{};
    link_map* map = nullptr;
    dladdr1(address, &info, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP);
    return {module_at(path), reinterpret_cast<std::uint64_t>(address) - map->l_addr};
}

[[gnu::noinline]] const void* return_address() { return __builtin_return_address(0); }

struct Place {
    RecordedFrame frame;
    int line = 0;
};

[[gnu::noinline]] Place somewhere_in_this_program() {
    Place place{{}, __LINE__ + 1};
    const void* address = return_address();
    place.frame = frame_of(address, std::filesystem::read_symlink("/proc/self/exe").string());
    return place;
}

TEST(Symbols, NameFunctionFileAndLineOfTheCall) {
    const Place place = somewhere_in_this_program();
    Symbols symbols;
    const std::string name = symbols.name_of(place.frame);
    EXPECT_THAT(name, HasSubstr("somewhere_in_this_program()"));
    EXPECT_THAT(name, HasSubstr(" at symbols_test.cpp:" + std::to_string(place.line)));
    EXPECT_TRUE(symbols.missing().empty());
}

TEST(Symbols, NameWhatALibraryExports) {
    Dl_info info{};
    const void* qsort = dlsym(RTLD_DEFAULT, "qsort");
    ASSERT_NE(dladdr(qsort, &info), 0);
    RecordedFrame frame = frame_of(qsort, std::filesystem::canonical(info.dli_fname).string());
    ++frame.offset;  // no call returns to the first byte of a function
    Symbols symbols;
    EXPECT_THAT(symbols.name_of(frame), StartsWith("qsort"));
}

TEST(Symbols, SayWhichModulesAreMissingAndGiveAddressesThere) {
    const RecordedFrame gone{module_at("/nowhere/lib\x1bgone.so"), 0x1234};
    Symbols symbols;
    EXPECT_THAT(symbols.names_of({1, {gone, gone, {nullptr, 0x10}}}),
                ElementsAre("lib?gone.so+0x1234", "lib?gone.so+0x1234", "0x10"));
    EXPECT_THAT(symbols.missing(), ElementsAre("/nowhere/lib?gone.so"));
}

TEST(Symbols, LeaveOutTheFramesThatTell) {
    const RecordedFrame tracker{module_at("/nowhere/libhexcore-tracker.so.0.1"), 0x10};
    const RecordedFrame program{module_at("/nowhere/program"), 0x20};
    Symbols symbols;
    EXPECT_THAT(symbols.names_of({1, {tracker, tracker, program, tracker}}),
                ElementsAre("program+0x20", "libhexcore-tracker.so.0.1+0x10"));
}

TEST(Symbols, ReadNothingButRegularFilesWithSymbols) {
    const auto folder = std::filesystem::temp_directory_path() / "hexcore-symbols-XXXXXX";
    std::string made = folder.string();
    ASSERT_NE(::mkdtemp(made.data()), nullptr);
    const std::string pipe = made + "/pipe";
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    Symbols symbols;
    for (const std::string& path :
         {pipe, made, std::string("/dev/zero"), std::string("/etc/passwd"), std::string()}) {
        EXPECT_THAT(symbols.name_of({module_at(path), 0x20}), HasSubstr("+0x20"));
    }
    EXPECT_EQ(symbols.missing().size(), 5U);
    std::filesystem::remove_all(made);
}

}  // namespace
}  // namespace hexcore

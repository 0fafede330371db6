#include "hexcore/device/host_arena.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "device/fixture_tree.hpp"

namespace hexcore {
namespace {

using ::testing::HasSubstr;

const Bytes page(static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));

Bytes resident(const std::vector<AddressRange>& ranges) {
    const auto measured = resident_bytes(ranges);
    EXPECT_TRUE(measured.has_value()) << measured.error().message;
    return measured.value_or(Bytes{});
}

HostMapping mapped(Bytes size, const HostMappingOptions& options = {.name = "hexcore-test"}) {
    auto mapping = HostMapping::create(size, options);
    EXPECT_TRUE(mapping.has_value()) << mapping.error().message;
    return mapping ? std::move(*mapping) : HostMapping();
}

/// The process's address space, or its private writable part, as setrlimit counts it.
Bytes status_value(const std::string& key) {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
        if (word == key) {
            std::uint64_t kibibytes = 0;
            status >> kibibytes;
            return Bytes(kibibytes * 1024);
        }
    }
    ADD_FAILURE() << key;
    return Bytes{};
}

TEST(HostMapping, IsWhollyResidentAndZeroAsSoonAsItIsMade) {
    for (const Bytes size : {1_B, page, page + 1_B, 2_MiB - 1_B, 2_MiB, 2_MiB + 1_B, 33_MiB}) {
        const HostMapping mapping = mapped(size);
        ASSERT_EQ(mapping.size(), size);
        const Bytes measured = resident({mapping.range()});
        EXPECT_GE(measured, size);
        EXPECT_LT(measured, size + page);
        EXPECT_TRUE(std::all_of(mapping.data(), mapping.data() + size.count(),
                                [](std::byte value) { return value == std::byte{}; }));
        std::fill_n(mapping.data(), size.count(), std::byte{0x5a});
        EXPECT_EQ(resident({mapping.range()}), measured);
    }
}

TEST(HostMapping, IsAlignedForHugePagesWhereItCanUseThem) {
    const HostMapping large = mapped(5_MiB);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(large.data()) % (2_MiB).count(), 0U);
    const HostMapping small = mapped(3 * page);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(small.data()) % page.count(), 0U);
}

TEST(HostMapping, LeavesNothingResidentOnceItIsReleased) {
    HostMapping mapping = mapped(8_MiB);
    const AddressRange range = mapping.range();
    EXPECT_EQ(resident({range}), 8_MiB);
    mapping.release();
    mapping.release();
    EXPECT_EQ(mapping.data(), nullptr);
    EXPECT_EQ(mapping.size(), 0_B);
    EXPECT_EQ(resident({range}), 0_B);
}

TEST(HostMapping, MovesWithoutMappingOrUnmapping) {
    HostMapping first = mapped(4_MiB);
    const AddressRange range = first.range();
    HostMapping second = std::move(first);
    EXPECT_EQ(second.range().begin, range.begin);
    EXPECT_EQ(resident({range}), 4_MiB);
    second = mapped(page);
    EXPECT_EQ(resident({range}), 0_B);
}

TEST(HostMapping, OfNoBytesIsEmpty) {
    const HostMapping mapping = mapped(0_B);
    EXPECT_EQ(mapping.data(), nullptr);
    EXPECT_EQ(resident({mapping.range()}), 0_B);
}

TEST(HostMapping, CommitsByTouchingWhereTheKernelCannotPopulate) {
    const HostMapping mapping = mapped(5_MiB + 1_B, {.commit = Commit::touch});
    EXPECT_EQ(resident({mapping.range()}), 5_MiB + page);
}

TEST(HostMapping, RefusesMoreThanTheMachineHasAvailable) {
    const test::FixtureTree tree;
    tree.write("/proc/meminfo", "MemTotal: 8192 kB\nMemAvailable: 4096 kB\n");
    const auto refused =
        HostMapping::create(4_MiB + 1_B, HostMappingOptions{.name = "host0", .root = tree.root()});
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::does_not_fit);
    EXPECT_THAT(refused.error().message, HasSubstr("4194305 bytes (4.0 MiB) of host0 are 1 bytes"));
    EXPECT_THAT(refused.error().message, HasSubstr("that the machine has available"));
    EXPECT_TRUE(HostMapping::create(4_MiB, HostMappingOptions{.root = tree.root()}).has_value());
    EXPECT_FALSE(HostMapping::create(Bytes(~0ULL)).has_value());
}

TEST(HostMapping, RefusesWhatTheKernelWillNotMapHoweverMuchSeemsAvailable) {
    const test::FixtureTree tree;
    tree.write("/proc/meminfo",
               "MemTotal: 1125899906842624 kB\nMemAvailable: 1125899906842624 kB\n");
    const auto refused =
        HostMapping::create(Bytes(1ULL << 58), HostMappingOptions{.root = tree.root()});
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::does_not_fit);
    EXPECT_THAT(refused.error().message, HasSubstr("could not be mapped"));
}

/// Lowers a limit to 16 MiB above what is used and asks for 64 MiB, in a child process: the limit
/// would stay for the tests that follow. The exit code tells which expectation failed.
void expect_refusal_under(int limit, const char* used_key) {
    const pid_t child = ::fork();
    if (child == 0) {
        const Bytes before = status_value("VmSize:");
        const rlim_t allowed = (status_value(used_key) + 16_MiB).count();
        const struct rlimit lowered { allowed, allowed };
        if (::setrlimit(static_cast<__rlimit_resource>(limit), &lowered) != 0) {
            std::_Exit(10);
        }
        const auto refused = HostMapping::create(64_MiB, "host0");
        if (refused.has_value() || refused.error().code != ErrorCode::does_not_fit) {
            std::_Exit(11);
        }
        // The heap may have grown for the message; 64 MiB must not be among it.
        if (status_value("VmSize:") > before + 1_MiB) {
            std::_Exit(12);
        }
        std::_Exit(HostMapping::create(1_MiB, "host0").has_value() ? 0 : 13);
    }
    ASSERT_GT(child, 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(HostMapping, LeavesNothingMappedWhereTheAddressSpaceIsLimited) {
    expect_refusal_under(RLIMIT_AS, "VmSize:");
}

TEST(HostMapping, LeavesNothingMappedWhereTheDataSizeIsLimited) {
    expect_refusal_under(RLIMIT_DATA, "VmData:");
}

TEST(HostMapping, HundredsOfThemComeAndGoWithoutATrace) {
    const Bytes before = status_value("VmSize:");
    for (int cycle = 0; cycle < 20; ++cycle) {
        std::vector<HostMapping> mappings;
        std::vector<AddressRange> ranges;
        for (std::uint64_t i = 1; i <= 40; ++i) {
            mappings.push_back(mapped(i * 16_KiB));
            ranges.push_back(mappings.back().range());
        }
        ASSERT_EQ(resident(ranges), 820 * 16_KiB);
    }
    EXPECT_LE(status_value("VmSize:"), before + 1_MiB);
}

TEST(ResidentBytes, CountsOnlyThePartsOfALargerMappingThatAreAskedFor) {
    const std::size_t length = (64 * page).count();
    void* raw = ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(raw, MAP_FAILED);
    ::madvise(raw, length, MADV_NOHUGEPAGE);
    const auto base = reinterpret_cast<std::uintptr_t>(raw);
    for (const std::uint64_t touched : {3, 4, 5, 20, 40}) {
        *reinterpret_cast<volatile char*>(base + touched * page.count()) = 1;
    }
    const auto at = [&](std::uint64_t first, std::uint64_t pages) {
        return AddressRange{base + first * page.count(), pages * page};
    };
    EXPECT_EQ(resident({at(0, 64)}), 5 * page);
    EXPECT_EQ(resident({at(4, 10)}), 2 * page);
    EXPECT_EQ(resident({at(30, 34), at(0, 4), at(4, 1)}), 3 * page);
    EXPECT_EQ(resident({AddressRange{base + 20 * page.count() + 100, 1_B}}), page);
    EXPECT_EQ(resident({at(6, 10), at(50, 10)}), 0_B);
    ::munmap(raw, length);
    EXPECT_EQ(resident({at(0, 64)}), 0_B);
}

TEST(ResidentBytes, FollowsWhatTheKernelTakesBack) {
    const HostMapping mapping = mapped(8_MiB);
    ::madvise(mapping.data() + (4_MiB).count(), (2_MiB).count(), MADV_DONTNEED);
    EXPECT_EQ(resident({mapping.range()}), 6_MiB);
}

TEST(ResidentBytes, OfNothingIsNothing) { EXPECT_EQ(resident({}), 0_B); }

}  // namespace
}  // namespace hexcore

#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "hexcore/device/proc_root.hpp"

namespace hexcore::test {

/// A folder of files that stands in for the machine's /proc and /sys, removed in the end.
class FixtureTree {
public:
    FixtureTree() {
        std::string name = (std::filesystem::temp_directory_path() / "hexcore-XXXXXX").string();
        EXPECT_NE(::mkdtemp(name.data()), nullptr) << name;
        folder_ = name;
    }
    ~FixtureTree() { std::filesystem::remove_all(folder_); }
    FixtureTree(const FixtureTree&) = delete;
    FixtureTree& operator=(const FixtureTree&) = delete;

    void write(std::string_view path, std::string_view text) const {
        const std::filesystem::path file = folder_ + std::string(path);
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file, std::ios::binary) << text;
    }
    void link(std::string_view path, std::string_view target) const {
        const std::filesystem::path file = folder_ + std::string(path);
        std::filesystem::create_directories(file.parent_path());
        std::filesystem::create_symlink(target, file);
    }

    [[nodiscard]] ProcRoot root() const { return {.prefix = folder_}; }

private:
    std::string folder_;
};

}  // namespace hexcore::test

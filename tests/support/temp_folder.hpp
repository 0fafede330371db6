#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "hexcore/base/check.hpp"

namespace hexcore::test {

/// A new empty folder that is removed with everything in it.
class TempFolder {
public:
    TempFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "hexcore-XXXXXX").string();
        HEXCORE_CHECK(::mkdtemp(name.data()) != nullptr, name, "mkdtemp");
        path_ = name;
    }
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;
    ~TempFolder() {
        std::error_code left_behind;
        std::filesystem::remove_all(path_, left_behind);
    }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    [[nodiscard]] std::filesystem::path operator/(std::string_view name) const {
        return path_ / name;
    }

private:
    std::filesystem::path path_;
};

}  // namespace hexcore::test

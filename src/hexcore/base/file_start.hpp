#pragma once

#include <filesystem>
#include <string_view>

namespace hexcore {

/// Whether a file begins with these bytes, by which its kind is known. False for what cannot be
/// read, and for what is no file: a pipe would lose what is read of it.
[[nodiscard]] bool begins_with(const std::filesystem::path& file, std::string_view bytes);

}  // namespace hexcore

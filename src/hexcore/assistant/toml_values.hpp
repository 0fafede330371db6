#pragma once

#include <toml++/toml.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/base/result.hpp"

namespace hexcore {

/// Reads values of one file of TOML; every message has its name, the line and the key. For source
/// files alone: toml++ is large.
class TomlValues {
public:
    explicit TomlValues(std::string name) : name_(std::move(name)) {}

    [[nodiscard]] Result<toml::table> parse(const std::string& text) const;
    [[nodiscard]] tl::unexpected<Error> wrong(const toml::source_region& place,
                                              std::string_view key, std::string_view what) const;

    /// The same for a file that is named there, and what is wrong with it.
    [[nodiscard]] tl::unexpected<Error> wrong_file(const toml::source_region& place,
                                                   std::string_view key, const Error& error) const;

    /// Text that is not empty.
    [[nodiscard]] Result<std::string> text(std::string_view key, const toml::node& value) const;
    [[nodiscard]] Result<void> text_into(std::string& into, std::string_view key,
                                         const toml::node& value) const;
    [[nodiscard]] Result<void> texts_into(std::vector<std::string>& into, std::string_view key,
                                          const toml::node& value) const;
    /// From `least` to `most`, both included; never NaN.
    [[nodiscard]] Result<double> number(std::string_view key, const toml::node& value, double least,
                                        double most) const;
    /// From 0 to a million.
    [[nodiscard]] Result<void> count_into(std::uint32_t& into, std::string_view key,
                                          const toml::node& value) const;

private:
    std::string name_;
};

}  // namespace hexcore

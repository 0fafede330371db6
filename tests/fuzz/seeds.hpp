#pragma once

#include <filesystem>
#include <string>

#include "support/gguf_builder.hpp"

namespace hexcore::test {

/// A folder of seeds: small GGUF files, one for each thing that one can hold or get wrong, by name.
class Seeds {
public:
    explicit Seeds(std::filesystem::path folder) : folder_(std::move(folder)) {}

    void add(const std::string& name, const std::string& bytes) {
        constexpr std::size_t size_max = 4096;
        HEXCORE_CHECK(bytes.size() < size_max, name, bytes.size());
        GgufBuilder::write_file(folder_ / (name + ".gguf"), bytes);
    }
    void add(const std::string& name, const GgufBuilder& file) { add(name, file.bytes()); }

private:
    std::filesystem::path folder_;
};

}  // namespace hexcore::test

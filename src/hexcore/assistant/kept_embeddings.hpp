#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "hexcore/base/result.hpp"

namespace hexcore {

/// What a base model made of an assistant's examples, in a file of the cache, so that none is read
/// twice: where a training was interrupted, or an example or keyword was changed.
class KeptEmbeddings {
public:
    /// Those of that key (reading_key()), `width` numbers each, in `routers/KEY-read.json` of
    /// cache_home(). None where there is no such file, or it is of another key, or damaged.
    KeptEmbeddings(const std::string& key, std::size_t width);

    /// Null: it was not read yet. It stays where it is.
    [[nodiscard]] const std::vector<float>* find(const std::string& question);
    const std::vector<float>& add(const std::string& question, std::vector<float> embedding);
    /// How many were added.
    [[nodiscard]] std::size_t added() const { return added_; }
    /// Puts those that were found or added in place of what is in the file. Fails with
    /// ErrorCode::negative where it cannot be written.
    [[nodiscard]] Result<void> write() const;

private:
    struct Kept {
        std::vector<float> values;
        bool is_used = false;
    };
    std::string key_;
    std::filesystem::path file_;  ///< empty: nowhere
    std::map<std::string, Kept> all_;
    std::size_t added_ = 0;
};

}  // namespace hexcore

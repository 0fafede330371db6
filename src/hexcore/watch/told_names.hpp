#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "hexcore/recording/told_records.hpp"

namespace hexcore {

/// The names that programs give, each known once, and the numbers of what they tell, in one
/// recording. What is too much gets a name of its own.
class ToldNames {
public:
    /// Null for an empty one. Without control characters.
    [[nodiscard]] TextRef text(std::string_view told);
    /// The same holder for one that is like another that has ended. Null: there are too many.
    [[nodiscard]] HolderRef holder(const ProcessRef& process, HolderKind kind,
                                   std::string_view device, Bytes total);
    void holder_ends(HolderRef holder);
    [[nodiscard]] StackRef stack(std::vector<RecordedFrame> frames);

private:
    static constexpr std::size_t texts_max = 65536;

    std::unordered_map<std::string, TextRef> texts_;
    TextRef beyond_;
    std::uint64_t last_text_ = 0;
    std::uint64_t last_holder_ = 0;
    std::uint64_t last_stack_ = 0;
    std::vector<HolderRef> ended_;
};

}  // namespace hexcore

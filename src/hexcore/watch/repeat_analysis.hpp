#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "hexcore/watch/repeated_work.hpp"

namespace hexcore {

/// Finds the labels of a recording that repeat, and what their repeats left behind. Takes no more
/// memory for a longer time: of labels it keeps 32, first those asked for, then those that repeat
/// in processes that live.
class RepeatAnalysis : public RecordSink {
public:
    explicit RepeatAnalysis(std::set<std::string> asked = {}) : asked_(std::move(asked)) {}

    void run(const RecordedRun& /*run*/) override {}
    void device(const RecordedDevice& device) override;
    void row(const RecordedRow& row) override;
    void thinned(RecordedTime /*from*/, std::chrono::microseconds /*bucket*/) override {}
    void end(const RecordedEnd& /*end*/) override {}
    void amounts(const RecordedAmounts& amounts) override;
    void event(const RecordedEvent& event) override;
    void label(const RecordedLabel& label) override;
    void lost(const RecordedLoss& loss) override;
    void summed(RecordedTime from, SummedPart part) override;

    /// Those that were asked for, and those that came twice at least; the longest open first.
    [[nodiscard]] std::vector<RepeatFindings> findings() const;

private:
    using Works = std::vector<std::unique_ptr<RepeatedWork>>;
    using Thread = std::pair<std::uint64_t, std::uint32_t>;  ///< of a process

    struct OpenLabels {
        std::vector<TextRef> names;  ///< the innermost last
        std::size_t deeper = 0;      ///< than is followed
    };
    struct Exact {
        std::uint64_t process = 0;
        double bytes = 0;
    };
    [[nodiscard]] double told_bytes(std::uint64_t process) const;
    RepeatedWork* find(const RecordedProcess& process, const RecordedText& label);
    RepeatedWork* find_or_make(const RecordedLabel& label);
    bool make_room(const RecordedLabel& label);
    [[nodiscard]] bool is_asked(const RepeatedWork& work) const;
    [[nodiscard]] bool has_ended(const RepeatedWork& work) const;
    void begin(const RecordedLabel& label);
    void end(const RecordedLabel& label);
    [[nodiscard]] bool is_of_another(
        const RepeatedWork& work, const std::string& device,
        const std::vector<std::map<std::string, Judgement>>& sampled) const;

    std::set<std::string> asked_;
    std::map<std::uint32_t, RecordedDevice> devices_;
    Works works_;
    std::map<Thread, OpenLabels> open_;
    std::vector<std::uint64_t> living_;                ///< processes in the host's last row
    RecordedTime last_row_{};                          ///< that row
    std::map<std::uint64_t, RecordedAmounts> latest_;  ///< by holder
    std::map<std::uint64_t, Exact> exact_;             ///< holders that tell every allocation
    bool is_summed_ = false;
};

}  // namespace hexcore

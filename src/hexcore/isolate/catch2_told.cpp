#include "hexcore/isolate/catch2_told.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <pugixml.hpp>
#include <utility>

#include "hexcore/isolate/program_tests.hpp"

namespace hexcore {
namespace {

using JudgementKind = TestJudgement::Kind;

constexpr std::string_view case_begin = "<TestCase ";
constexpr std::string_view case_end = "</TestCase>";
/// Of a test that writes without end: the report has what it wrote to std::cout.
constexpr std::size_t longest_case = std::size_t{16} << 20U;

/// Where it is closed; attributes may hold any `>`.
std::size_t end_of_element(std::string_view text, std::size_t at) {
    bool is_quoted = false;
    for (; at < text.size(); ++at) {
        is_quoted ^= text[at] == '"';
        if (text[at] == '>' && !is_quoted) {
            return at;
        }
    }
    return std::string_view::npos;
}

std::string place_text(const pugi::xml_node& node) {
    return fmt::format("{}:{}: ", node.attribute("filename").value(),
                       node.attribute("line").as_uint());
}

/// What failed first, in the order of the report.
struct FirstFailure : pugi::xml_tree_walker {
    std::string told;
    std::string all;
    bool is_fatal = false;  ///< a signal, or the like
    bool for_each(pugi::xml_node& node) override {
        const std::string_view name = node.name();
        std::string text;
        if (name == "Expression" && !node.attribute("success").as_bool()) {
            text = place_text(node) + node.child_value("Original") + " => " +
                   node.child_value("Expanded");
        } else if (name == "Failure" || name == "Exception" || name == "FatalErrorCondition") {
            text = place_text(node) + node.child_value();
        }
        is_fatal |= name == "FatalErrorCondition";
        if (!text.empty()) {
            text = one_line(text);
            told = told.empty() ? text : told;
            all += text + '\n';
        }
        return true;
    }
};

TestJudgement judged_case(const pugi::xml_node& test) {
    const pugi::xml_node result = test.child("OverallResult");
    TestJudgement judgement{.kind = JudgementKind::passed};
    constexpr double ms_per_s = 1e3;
    judgement.duration_ms = result.attribute("durationInSeconds").as_double() * ms_per_s;
    if (!result || !result.attribute("success").as_bool()) {
        FirstFailure failure;
        pugi::xml_node root = test;
        root.traverse(failure);
        judgement.kind = failure.is_fatal ? JudgementKind::crashed : JudgementKind::failed;
        judgement.reason = failure.told.empty() ? "Catch2 says that it failed, and not where"
                                                : std::move(failure.told);
        judgement.output = std::move(failure.all);
        judgement.output += result.child_value("StdOut");
        judgement.output += result.child_value("StdErr");
    } else if (result.attribute("skips").as_uint() > 0) {
        const pugi::xml_node skip = test.select_node(".//Skip").node();
        judgement.kind = JudgementKind::skipped;
        judgement.reason = one_line(place_text(skip) + skip.child_value());
    }
    return judgement;
}

class Catch2Told final : public ToldTests {
public:
    void take(std::string_view text, std::vector<ToldTest>& told) override {
        unread_ += text;
        while (step(told)) {
        }
        if (unread_.size() > longest_case) {  // its end may still be told
            const std::size_t kept_head = runs_ ? longest_case / 2 : 0;
            const std::size_t erased = unread_.size() - kept_head - longest_case / 4;
            unread_.erase(kept_head, erased);
            looked_ -= std::min(looked_, erased);
            is_cut_ = runs_;
        }
    }
    [[nodiscard]] std::string output() const override { return unread_; }

private:
    /// False: more has to come first.
    bool step(std::vector<ToldTest>& told) {
        if (!runs_) {
            const std::size_t at = unread_.find(case_begin);
            const std::size_t end = at == std::string::npos ? at : end_of_element(unread_, at);
            if (end == std::string::npos) {
                return false;
            }
            pugi::xml_document document;
            const std::string element = unread_.substr(at, end - at) + "/>";
            (void)document.load_string(element.c_str());
            name_ = document.child("TestCase").attribute("name").value();
            unread_.erase(0, at);
            runs_ = true;
            looked_ = 0;
            told.push_back({ToldTest::Kind::begins, name_});
            return true;
        }
        const std::size_t from = looked_ > case_end.size() ? looked_ - case_end.size() : 0;
        const std::size_t at = unread_.find(case_end, from);
        if (at == std::string::npos) {
            looked_ = unread_.size();
            return false;
        }
        pugi::xml_document document;
        const std::size_t size = at + case_end.size();
        TestJudgement judgement{.kind = JudgementKind::failed,
                                .reason = "what Catch2 reports of it cannot be read"};
        const bool is_read = static_cast<bool>(document.load_buffer(unread_.data(), size));
        const pugi::xml_node test = document.child("TestCase");
        // What it wrote to std::cout comes last: the rest is there, if that is cut.
        if (is_read || (is_cut_ && test.child("OverallResult"))) {
            judgement = judged_case(test);
        }
        unread_.erase(0, size);
        runs_ = false;
        is_cut_ = false;
        told.push_back({ToldTest::Kind::ends, std::exchange(name_, {}), std::move(judgement)});
        return true;
    }

    std::string unread_;
    std::string name_;
    bool runs_ = false;
    bool is_cut_ = false;     ///< the middle of what was read of it is left out
    std::size_t looked_ = 0;  ///< so much of `unread_` has no end of a test in it
};

}  // namespace

std::unique_ptr<ToldTests> catch2_told() { return std::make_unique<Catch2Told>(); }

}  // namespace hexcore

#include "hexcore/isolate/catch2_list.hpp"

#include <algorithm>
#include <pugixml.hpp>
#include <string_view>
#include <utility>

#include "hexcore/base/whole_number.hpp"

namespace hexcore {
namespace {

/// Takes the next line off `text`.
std::string_view take_text_line(std::string_view& text) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return line;
}

/// `name \t@ file:line`.
bool take_place(std::string_view line, TestCase& test) {
    const std::size_t tab = line.rfind("\t@");
    const std::size_t colon = line.rfind(':');
    if (tab == std::string_view::npos || colon == std::string_view::npos || colon < tab) {
        return false;
    }
    const auto number = whole_number<std::uint32_t>(line.substr(colon + 1));
    if (!number) {
        return false;
    }
    test.name += line.substr(0, tab);
    test.file = line.substr(tab + 2, colon - tab - 2);
    test.line = *number;
    return true;
}

std::vector<TestCase> read_names(std::string_view text) {
    std::vector<TestCase> tests;
    TestCase test;
    while (!text.empty()) {
        const std::string_view line = take_text_line(text);
        if (!take_place(line, test)) {
            test.name += line;
            test.name += '\n';
            continue;
        }
        // It puts those in quotes that a file of names would take for comments.
        if (test.name.starts_with("\"#") && test.name.ends_with('"')) {
            test.name = test.name.substr(1, test.name.size() - 2);
        }
        tests.push_back(std::exchange(test, {}));
    }
    return tests;
}

/// Without blanks and hyphens, which a listing adds or drops where it breaks a line.
std::string squeezed(std::string_view text) {
    std::string kept;
    for (const char byte : text) {
        if (std::string_view(" \t\n\r-").find(byte) == std::string_view::npos) {
            kept += byte;
        }
    }
    return kept;
}

/// The tags of each of `tests`, in their order; nothing: which lines are whose cannot be told. A
/// name begins after two blanks, its next lines after four; tags have six.
std::optional<std::vector<std::string>> read_tag_lines(const std::vector<TestCase>& tests,
                                                       std::string_view text) {
    constexpr std::string_view tag_indent = "      ";
    std::vector<std::string> tags;
    (void)take_text_line(text);  // "All available test cases:"
    for (const TestCase& test : tests) {
        const std::string name = squeezed(test.name);
        std::string shown = squeezed(take_text_line(text));
        while (shown.size() < name.size() && !text.empty()) {
            shown += squeezed(take_text_line(text));
        }
        if (shown != name) {
            return std::nullopt;
        }
        std::string& joined = tags.emplace_back();
        while (text.starts_with(tag_indent)) {
            joined += take_text_line(text).substr(tag_indent.size());
        }
    }
    return tags;
}

bool says_something(const std::string& lines) {
    for (const char* tag : {"[memory:", "[device:", "[timeout:", "[isolated]"}) {
        if (lines.find(tag) != std::string::npos) {
            return true;
        }
    }
    return false;
}

}  // namespace

std::vector<std::string> split_tags(const std::string& tags) {
    std::vector<std::string> split;
    std::string_view rest = tags;
    while (rest.starts_with('[')) {
        const std::size_t end = rest.find(']');
        if (end == std::string_view::npos) {
            break;
        }
        split.emplace_back(rest.substr(1, end - 1));
        rest.remove_prefix(end + 1);
    }
    return split;
}

std::optional<std::vector<TestCase>> read_catch2_xml(const std::string& xml) {
    pugi::xml_document document;
    if (!document.load_buffer(xml.data(), xml.size(),
                              pugi::parse_default | pugi::parse_ws_pcdata_single)) {
        return std::nullopt;
    }
    const pugi::xml_node listed = document.child("MatchingTests");
    if (!listed) {
        return std::nullopt;
    }
    std::vector<TestCase> tests;
    for (const pugi::xml_node& node : listed.children("TestCase")) {
        TestCase test;
        test.name = node.child("Name").text().get();
        test.tags = split_tags(node.child("Tags").text().get());
        const pugi::xml_node place = node.child("SourceInfo");
        test.file = place.child("File").text().get();
        test.line = place.child("Line").text().as_uint();
        tests.push_back(std::move(test));
    }
    return tests;
}

Result<std::vector<TestCase>> read_catch2_text(const std::string& names, const std::string& lines) {
    std::vector<TestCase> tests = read_names(names);
    if (const auto tags = read_tag_lines(tests, lines)) {
        for (std::size_t i = 0; i < tests.size(); ++i) {
            tests[i].tags = split_tags((*tags)[i]);
        }
    } else if (says_something(lines)) {
        return fail(ErrorCode::usage,
                    "whose the tags of {} tests are cannot be told from how they are listed, since "
                    "a name has line breaks or many blanks at its start, and some of the tags are "
                    "budgets; change that name or use Catch2 3",
                    tests.size());
    }
    return tests;
}

}  // namespace hexcore

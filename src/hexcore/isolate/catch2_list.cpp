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

/// The tags of each test, in their order; a line of two blanks begins a test, six are tags.
std::vector<std::string> read_tag_lines(std::string_view text) {
    std::vector<std::string> tags;
    (void)take_text_line(text);  // "All available test cases:"
    while (!text.empty()) {
        const std::string_view line = take_text_line(text);
        const std::size_t indent = std::min(line.find_first_not_of(' '), line.size());
        if (line.empty() || indent == 0) {
            break;  // the count at the end
        }
        if (indent == 2) {
            tags.emplace_back();
        } else if (indent == 6 && !tags.empty()) {
            tags.back() += line.substr(indent);
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
    const std::vector<std::string> tags = read_tag_lines(lines);
    if (tags.size() == tests.size()) {
        for (std::size_t i = 0; i < tests.size(); ++i) {
            tests[i].tags = split_tags(tags[i]);
        }
    } else if (says_something(lines)) {
        return fail(ErrorCode::usage,
                    "{} tests are listed in {} places: a name with line breaks or blanks at its "
                    "start hides whose the tags are, and some of them are budgets; change the name "
                    "or use Catch2 3",
                    tests.size(), tags.size());
    }
    return tests;
}

}  // namespace hexcore

#include "hostile/bad_things.hpp"

namespace hostile {

std::vector<BadThing> bad_names() {
    static const std::string long_name(3000, 'n');
    std::vector<BadThing> things;
    for (const char* name : {"with blanks  in it",
                             "with/slashes/../../etc/passwd",
                             "with \"quotes\" and 'more'",
                             "with \xF0\x9F\x98\x80 emoji",
                             "with \\ backslash",
                             "with $(touch injected) `and` ;&|",
                             "with %s%n%d",
                             "with <b>markup</b> &amp; ]]>",
                             "-with-dashes",
                             "--gtest_filter=*",
                             "with * and ? and : too",
                             "with [brackets]",
                             "with, a comma",
                             "with #hash",
                             "~with tilde",
                             "with \xE2\x80\xAE turned text",
                             "with = and == signs",
                             "with\ttab",
                             "UPPER and lower",
                             "with (round) {curly}"}) {
        things.push_back({.name = name, .act = [] {}, .verdict = "passed"});
    }
    things.push_back({.name = long_name.c_str(), .act = [] {}, .verdict = "passed"});
    things.push_back({.name = "fails, with * and : and - in its name",
                      .act = [] { throw Failed{"as it should"}; },
                      .verdict = "failed"});
    return things;
}

}  // namespace hostile

#include "hexcore/assistant/assistant_file.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <map>
#include <set>

#include "hexcore/assistant/labelled_questions.hpp"
#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr const char* small = R"(schema = "hexcore.assistant/1"
name = "small"
description = "says little"
[[expert]]
name = "ONE"
description = "the only one"
system = "Be brief."
)";

Error error_of(const std::string& text) {
    const auto read = parse_assistant(text, "it.toml", "/folder");
    EXPECT_FALSE(read) << text;
    return read ? Error{} : read.error();
}

TEST(AssistantFile, OfOneExpertNeedsNoExamples) {
    const auto read = parse_assistant(small, "it.toml", "/folder");
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->experts.size(), 1U);
    EXPECT_EQ(read->router.instruction, "{question}");
    EXPECT_EQ(read->experts[0].sampling.temperature, std::nullopt);
    EXPECT_TRUE(read->model.empty());
    EXPECT_EQ(read->combining.method, Combination::choose);
    EXPECT_TRUE(read->combining.gate.empty());
}

TEST(AssistantFile, SaysHowSeveralGiveOneAnswer) {
    const test::TempFolder folder;
    std::ofstream(folder.path() / "g.json")
        << R"({"schema": "hexcore.gate/1", "values": [0.5, 2]})";
    const auto read = parse_assistant(std::string(small) +
                                          "[combining]\nmethod = \"attend\"\ngate = \"g.json\"\n"
                                          "blend_temperature = 1\nattend_temperature = 0.5\n",
                                      "it.toml", folder.path());
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->combining.method, Combination::attend);
    EXPECT_EQ(read->combining.gate, (std::vector<float>{0.5F, 2}));
    EXPECT_EQ(read->combining.blend_temperature, 1);
    EXPECT_EQ(read->combining.attend_temperature, 0.5);
    const auto without = parse_assistant(std::string(small) + "[combining]\ngate = \"h.json\"\n",
                                         "it.toml", folder.path());
    ASSERT_FALSE(without);
    EXPECT_EQ(without.error().code, ErrorCode::bad_input);
    EXPECT_THAT(without.error().message, HasSubstr("h.json"));
}

TEST(AssistantFile, HasPathsFromItsFolderAndSampling) {
    const auto read =
        parse_assistant(std::string("model = \"base.gguf\"\nhistory_tokens = 7\n") + small +
                            "adapter = { file = \"/a/b.gguf\", scale = -0.5 }\n"
                            "sampling = { temperature = 1, top_k = 3 }\n",
                        "it.toml", "/folder");
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->model, "/folder/base.gguf");
    EXPECT_EQ(read->history_tokens, 7U);
    const ExpertDescription& expert = read->experts[0];
    EXPECT_EQ(expert.adapter->file, "/a/b.gguf");
    EXPECT_EQ(expert.adapter->scale, -0.5F);
    SamplingOptions options;
    options.top_p = 0.25F;
    expert.sampling.apply(options);
    EXPECT_EQ(options.temperature, 1.0F);
    EXPECT_EQ(options.top_k, 3);
    EXPECT_EQ(options.top_p, 0.25F);
}

TEST(AssistantFile, SaysForWhatItCannotMeanLineKeyAndWhy) {
    const std::string rest = small;
    const std::map<std::string, std::pair<std::string, std::string>> bad = {
        {"colour = 1\n" + rest, {"line 1: colour", "unknown"}},
        {rest + "colour = 1\n", {"line 8: colour", "unknown in an [[expert]]"}},
        {rest + "sampling = { heat = 1 }\n", {"line 8: heat", "unknown in sampling"}},
        {rest + "sampling = { temperature = nan }\n", {"line 8: temperature", "from 0 to 10"}},
        {rest + "sampling = { top_p = 1.5 }\n", {"line 8: top_p", "from 0 to 1"}},
        {rest + "sampling = { top_k = -1 }\n", {"line 8: top_k", "whole number"}},
        {rest + "sampling = 3\n", {"line 8: sampling", "is a table"}},
        {rest + "adapter = { scale = 1 }\n", {"line 8: adapter", "has no file"}},
        {rest + "adapter = { file = \"\" }\n", {"line 8: file", "not empty"}},
        {rest + "adapter = { file = \"a\\u0000b\" }\n", {"line 8: file", "NUL"}},
        {rest + "adapter = { file = \"a\", scale = inf }\n", {"line 8: scale", "from -100 to 100"}},
        {rest + "examples = \"one\"\n", {"line 8: examples", "list of texts"}},
        {rest + "examples = [1]\n", {"line 8: examples", "is text"}},
        {rest + "[router]\ninstruction = \"none\"\n", {"line 9: instruction", "{question} once"}},
        {rest + "[router]\nkind = \"x\"\n", {"line 9: kind", "unknown in [router]"}},
        {rest + "[router]\nshown = \"x\"\n", {"line 9: shown", "list of pairs"}},
        {rest + "[router]\nshown = [[\"x\"]]\n", {"line 9: shown", "list of pairs"}},
        {rest + "[router]\nshown = [[\"x\", 1]]\n", {"line 9: shown", "is text"}},
        {rest + "[thresholds]\nconfidence = 2\n", {"line 9: confidence", "from 0 to 1"}},
        {rest + "[thresholds]\nother = 2\n", {"line 9: other", "unknown in [thresholds]"}},
        {rest + "[knowledge]\ncards = \"3\"\n", {"line 9: cards", "whole number"}},
        {rest + "[knowledge]\nbooks = 3\n", {"line 9: books", "unknown in [knowledge]"}},
        {rest + "[combining]\nmethod = \"mix\"\n", {"line 9: method", "choose, merge, blend"}},
        {rest + "[combining]\nblend_temperature = 0\n",
         {"line 9: blend_temperature", "from 0.001 to 1000"}},
        {rest + "[combining]\ngate = 3\n", {"line 9: gate", "is text"}},
        {rest + "[combining]\nkeys = 3\n", {"line 9: keys", "unknown in [combining]"}},
        {rest + "[[expert]]\nname = \"TWO\"\n", {"line 8: [[expert]]", "has no description"}},
        {rest + "[[expert]]\nname = \"one\"\ndescription = \"d\"\nsystem = \"s\"\n",
         {"line 9: name", "\"one\" is that of the expert in line 4, too"}},
        {rest + "[[expert]]\nname = \"TWO\"\ndescription = \"d\"\nsystem = \"s\"\n",
         {"line 4: [[expert]]", "ONE has 0 examples, and a choice among experts needs 2"}},
        {rest + "examples = [\"a\", \"b\"]\n[[expert]]\nname = \"TWO\"\ndescription = \"d\"\n" +
             "system = \"s\"\nexamples = [\"a\"]\n",
         {"line 9: [[expert]]", "TWO has 1 example, and"}},
        {rest + "[router]\nquestions = [\"none.tsv\"]\n",
         {"line 9: questions", "none.tsv cannot be read: No such file"}},
        {rest + "[combining]\ngate = \"none.json\"\n",
         {"line 9: gate", "none.json cannot be read: No such file"}},
        {rest + "x = [\n", {"this is no TOML", ""}},
        {"router = 3\n" + rest, {"line 1: router", "is a table"}},
        {"expert = 3\n", {"line 1: schema", "is missing"}},
        {"schema = \"hexcore.assistant/2\"\n",
         {"hexcore.assistant/2", "reads hexcore.assistant/1"}},
        {"schema = \"hexcore.assistant/1\"\nname = \"a b\"\n", {"line 2: name", "small letters"}},
        {"schema = \"hexcore.assistant/1\"\ndescription = \"d\"\n", {"name", "is missing"}},
        {"schema = \"hexcore.assistant/1\"\nname = \"a\"\ndescription = \"d\"\n",
         {"[[expert]]", "no expert"}},
        {"schema = \"hexcore.assistant/1\"\nexpert = []\n",
         {"line 2: expert", "there is no expert"}},
        {"schema = \"hexcore.assistant/1\"\n[expert]\nname = \"a\"\n",
         {"line 2: expert", "[[expert]], a table for each"}},
        {"", {"schema", "is missing"}},
    };
    for (const auto& [text, parts] : bad) {
        const Error error = error_of(text);
        EXPECT_EQ(error.code, ErrorCode::bad_input);
        EXPECT_THAT(error.message, AllOf(HasSubstr("it.toml, line"), HasSubstr(parts.first),
                                         HasSubstr(parts.second)))
            << text;
    }
}

TEST(AssistantFile, NamesAnExpertAtTheStartOfAQuestion) {
    const auto read = parse_assistant(small, "it.toml", "/folder");
    ASSERT_TRUE(read);
    std::string_view question = " one :  what now: this?";
    EXPECT_EQ(read->take_named_expert(question), 0U);
    EXPECT_EQ(question, "what now: this?");
    for (const char* other : {"TWO: what?", "one what?", ":", "", "ONE and only: x"}) {
        question = other;
        EXPECT_EQ(read->take_named_expert(question), std::nullopt) << other;
        EXPECT_EQ(question, other);
    }
}

TEST(LabelledQuestions, SayWhichLineIsWrong) {
    const auto assistant = parse_assistant(small, "it.toml", "/folder");
    ASSERT_TRUE(assistant);
    const auto good =
        parse_labelled_questions("# note\r\n\r\none\tWhy?\r\nONE\tHow?", "q.tsv", *assistant);
    ASSERT_TRUE(good) << good.error().message;
    ASSERT_EQ(good->size(), 2U);
    EXPECT_EQ((*good)[0].text, "Why?");
    for (const auto& [text, why] : std::map<std::string, std::string>{
             {"ONE\tWhy?\nTWO\tWhy?\n", "q.tsv, line 2: small has no expert TWO"},
             {"ONE Why?", "line 1: has no tab"},
             {"ONE\t", "line 1: the question has 0 bytes"},
             {"ONE\t" + std::string(5000, 'a'), "has 5000 bytes"},
             {"ONE\t\xff", "no UTF-8"},
             {std::string("ONE\ta\0b", 7), "control characters"}}) {
        const auto read = parse_labelled_questions(text, "q.tsv", *assistant);
        ASSERT_FALSE(read) << text;
        EXPECT_THAT(read.error().message, HasSubstr(why));
    }
}

class MagicAssistant : public testing::Test {
protected:
    static AssistantDescription read() {
        auto read = read_assistant(HEXCORE_ASSISTANTS "/magic/assistant.toml");
        EXPECT_TRUE(read) << read.error().message;
        return *std::move(read);
    }
};

TEST_F(MagicAssistant, HasTheFiveExpertsWithTheirSampling) {
    const AssistantDescription magic = read();
    const std::map<std::string, std::pair<float, float>> expected{{"REASON", {0.3F, 0.8F}},
                                                                  {"EXPLAIN", {0.7F, 0.9F}},
                                                                  {"TEACH", {0.7F, 0.9F}},
                                                                  {"PREDICT", {0.3F, 0.8F}},
                                                                  {"RETROSPECT", {0.3F, 0.8F}}};
    ASSERT_EQ(magic.experts.size(), expected.size());
    for (const ExpertDescription& expert : magic.experts) {
        ASSERT_TRUE(expected.contains(expert.name)) << expert.name;
        EXPECT_EQ(expert.sampling.temperature, expected.at(expert.name).first);
        EXPECT_EQ(expert.sampling.top_p, expected.at(expert.name).second);
        EXPECT_GE(expert.examples.size(), 5U);
        EXPECT_FALSE(expert.keywords.empty());
    }
}

TEST_F(MagicAssistant, HasQuestionsOfItsOwnForEachExpert) {
    const AssistantDescription magic = read();
    EXPECT_GE(magic.router.questions.size(), 250U);
    std::vector<std::size_t> counts(magic.experts.size());
    std::set<std::string> once;
    for (const LabelledQuestion& question : magic.labelled_questions()) {
        EXPECT_TRUE(once.insert(question.text).second) << question.text;
    }
    for (const LabelledQuestion& question : magic.router.questions) {
        counts[question.expert] += 1;
    }
    for (const std::size_t count : counts) {
        EXPECT_GE(count, 50U);
        EXPECT_EQ(count, counts.front());
    }
}

TEST_F(MagicAssistant, QuestionsAreSplitBySeedAlone) {
    const AssistantDescription magic = read();
    const auto& questions = magic.router.questions;
    const QuestionSplit split = split_questions(questions, 7);
    EXPECT_EQ(split.examples.size() + split.test.size(), questions.size());
    EXPECT_EQ(split.test, split_questions(questions, 7).test);
    EXPECT_NE(split.test, split_questions(questions, 8).test);
    std::vector<std::size_t> counts(magic.experts.size());
    for (const std::size_t at : split.test) {
        counts[questions[at].expert] += 1;
    }
    EXPECT_THAT(counts, testing::Each(counts.front()));
    // The same on every machine.
    EXPECT_THAT(std::vector<std::size_t>(split.test.begin(), split.test.begin() + 4),
                testing::ElementsAre(3, 11, 12, 17));
}

}  // namespace
}  // namespace hexcore

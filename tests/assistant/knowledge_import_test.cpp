#include "hexcore/assistant/knowledge_import.hpp"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "assistant/knowledge_files.hpp"

namespace hexcore {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class KnowledgeImports : public test::KnowledgeFiles {
protected:
    Error error_of(const std::string& name, const std::string& text) const {
        const auto imported = import(name, text);
        EXPECT_FALSE(imported) << text.substr(0, 100);
        return imported ? Error{} : imported.error();
    }
};

TEST_F(KnowledgeImports, TakeAllPrintingsOnceACardAndInEnglish) {
    const auto imported = import("printings.json", R"({"meta": {}, "data": {
        "AAA": {"code": "AAA", "name": "A set", "baseSetSize": 2, "cards": [
            {"name": "Lamp", "number": "1", "type": "Artifact", "text": "Shine.", "uuid": "1",
             "foreignData": [{"name": "Lampe", "text": "Leuchte.", "language": "German"}]},
            {"name": "Lampada", "type": "Artifact", "text": "x", "language": "Italian"}],
          "tokens": [{"name": "Goblin", "type": "Token", "text": ""}]},
        "BBB": {"cards": [{"name": "Lamp", "number": "7", "type": "Artifact", "text": "Shine."},
                          {"name": "Rope", "type": "Artifact", "loyalty": 4,
                           "text": "Bind."}]}}})");
    ASSERT_TRUE(imported) << imported.error().message;
    EXPECT_EQ(imported->passages, 2U);
    const auto found = open().look_up("lamp and rope", {}, about_tokens);
    ASSERT_TRUE(found);
    EXPECT_EQ(knowledge_text(found->passages),
              "[Lamp] Artifact. Shine.\n[Rope] Artifact loyalty 4. Bind.\n");
}

TEST_F(KnowledgeImports, TakeASetAlone) {
    const auto imported = import("set.json", R"({"data": {"code": "AAA",
        "cards": [{"name": "Lamp", "type": "Artifact", "text": "Shine."}],
        "tokens": [{"name": "Goblin", "type": "Token Creature", "text": "x"}]}})");
    ASSERT_TRUE(imported) << imported.error().message;
    EXPECT_EQ(imported->passages, 1U);
}

TEST_F(KnowledgeImports, RefuseWhatCannotBeReadAndKeepWhatWasThere) {
    ASSERT_TRUE(import("cards.json", test::atomic_cards));
    const std::vector<std::pair<std::string, std::string>> bad = {
        {"{", "no JSON"},
        {"{\"data\": {\"A\": [{\"name\": \"A\", ", "no JSON"},
        {"{\"data\": {\"A\": [{\"name\": \"\xff\"}]}}", "no JSON"},
        {"{\"data\": {\"A\": 1e999}}", "no JSON"},
        {std::string("{\"data\"\0: 1}", 12), "no JSON"},
        {"{\"a\": \"" + std::string(2'000'000, 'x') + "\"}", "1048576 bytes"},
        {"{\"a\": " + std::string(2'000'000, '1') + "}", "1048576 bytes"},
        {"{\"a\": " + std::string(500'000, '['), "no JSON"},
        {"{}", "no cards"},
        {"{\"data\": []}", "no cards"},
        {"{\"data\": {\"A\": [{\"name\": \"B\", \"type\": \"T\"}]}}", "no cards"},
    };
    for (const auto& [text, why] : bad) {
        const Error error = error_of("bad.json", text);
        EXPECT_EQ(error.code, ErrorCode::bad_input);
        EXPECT_THAT(error.message, HasSubstr(why));
    }
    EXPECT_THAT(error_of("cards.json.gz", "\x1f\x8b\x08").message, HasSubstr("by gzip: unpack"));
    EXPECT_THAT(error_of("empty.txt", "").message, HasSubstr("no text"));
    EXPECT_THAT(error_of("binary.txt", std::string("a\0b", 3)).message, HasSubstr("no text"));
    EXPECT_THAT(import(folder_ / "none").error().message, HasSubstr("No such file"));
    std::filesystem::create_directories(folder_ / "bare");
    EXPECT_THAT(import(folder_ / "bare").error().message, HasSubstr("no texts"));
    EXPECT_EQ(import("/dev/zero").error().code, ErrorCode::bad_input);
    EXPECT_THAT(files(), ElementsAre("cards.sqlite"));
    EXPECT_THAT(ids("Spark Jolt", {.passages = 0}), ElementsAre("Spark Jolt"));
}

TEST_F(KnowledgeImports, KeepOddTextAsFarAsItIsText) {
    const auto imported =
        import("odd.txt", "Walls \xff are \x1b[31mred.\rA second line.\n" + std::string(5000, 'y') +
                              "\n" + std::string(3000, ' ') + "\nThe end.");
    ASSERT_TRUE(imported) << imported.error().message;
    EXPECT_THAT(imported->notes, ElementsAre(HasSubstr("1 line has bytes that are no UTF-8")));
    const auto found = open().look_up("walls", {}, about_tokens);
    ASSERT_TRUE(found && !found->passages.empty());
    EXPECT_THAT(found->passages[0].passage.body,
                testing::StartsWith("Walls ? are ?[31mred. A second line."));
}

TEST_F(KnowledgeImports, TakeHeadingsWithoutText) {
    ASSERT_TRUE(import("bare.md", "# \n\nWalls are red.\n#  # \nDoors are not.\n"));
    const auto found = open().look_up("walls", {}, about_tokens);
    ASSERT_TRUE(found && !found->passages.empty());
    EXPECT_EQ(found->passages[0].passage.body, "Walls are red.");
}

TEST_F(KnowledgeImports, NameFilesThatAreNoText) {
    const std::filesystem::path texts = folder_ / "texts";
    std::filesystem::create_directories(texts);
    const auto write_odd = [&](const char* name) {
        std::ofstream(texts / name, std::ios::binary) << std::string("a\n\0b", 4);
    };
    write_odd("1.md");
    auto imported = import(texts);
    ASSERT_TRUE(imported) << imported.error().message;
    EXPECT_THAT(imported->notes, ElementsAre("1 file has NUL bytes, which no text has, and ends at "
                                             "the first: 1.md"));
    for (const char* name : {"2.md", "3.md", "4.md"}) {
        write_odd(name);
    }
    imported = import(texts);
    ASSERT_TRUE(imported) << imported.error().message;
    EXPECT_THAT(imported->notes,
                ElementsAre("4 files have NUL bytes, which no text has, and end at "
                            "the first: 1.md, 2.md, 3.md, ..."));
}

/// One line of 20 MB in a part of that memory.
TEST_F(KnowledgeImports, OfAnEndlessLineTakeBoundedMemory) {
    const std::filesystem::path file = write("line.txt", "");
    {
        std::ofstream out(file, std::ios::binary);
        const std::string part = std::string(999, 'z') + " ";
        for (int i = 0; i < 20'000; ++i) {
            out << part;
        }
    }
    rusage before{};
    ASSERT_EQ(::getrusage(RUSAGE_SELF, &before), 0);
    const auto imported = import(file);
    ASSERT_TRUE(imported) << imported.error().message;
    EXPECT_GE(imported->passages, 20'000U);
    rusage after{};
    ASSERT_EQ(::getrusage(RUSAGE_SELF, &after), 0);
    EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 12 * 1024) << "KiB";
}

TEST_F(KnowledgeImports, ThatAreKilledLeaveWhatWasThere) {
    ASSERT_TRUE(import("cards.json", test::atomic_cards));
    const pid_t child = ::fork();
    if (child == 0) {
        auto writer = KnowledgeWriter::begin(knowledge_, "cards.sqlite", KnowledgeKind::cards);
        if (writer) {
            for (int i = 0; i < 5000; ++i) {
                (void)writer->add({"x", "x", std::string(1000, 'x')});
            }
        }
        ::raise(SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    EXPECT_THAT(files(), SizeIs(2));
    EXPECT_THAT(ids("Spark Jolt", {.passages = 0}), ElementsAre("Spark Jolt"));
    ASSERT_TRUE(import("cards.json", test::atomic_cards));
    EXPECT_THAT(files(), ElementsAre("cards.sqlite"));
}

TEST_F(KnowledgeImports, AreSeenBySecondReadersAlone) {
    ASSERT_TRUE(import("cards.json", test::atomic_cards));
    const Knowledge old = open();
    ASSERT_TRUE(
        import("cards.json", R"({"data": {"Lamp": [{"name": "Lamp", "type": "Artifact"}]}})"));
    const auto found = old.look_up("Spark Jolt and Lamp", {.passages = 0}, about_tokens);
    ASSERT_TRUE(found) << found.error().message;
    ASSERT_THAT(found->passages, SizeIs(1));
    EXPECT_EQ(found->passages[0].passage.id, "Spark Jolt");
    EXPECT_THAT(ids("Spark Jolt and Lamp", {.passages = 0}), ElementsAre("Lamp"));
}

TEST_F(KnowledgeImports, EndWhereTheyAreInterrupted) {
    const std::atomic<bool> stop = true;
    for (const auto& [name, text] :
         {std::pair("cards.json", test::atomic_cards), std::pair("r.txt", test::numbered_rules),
          std::pair("t.txt", "text")}) {
        const auto imported =
            import_knowledge({.source = write(name, text), .stop = &stop}, knowledge_);
        ASSERT_FALSE(imported);
        EXPECT_EQ(imported.error().code, ErrorCode::interrupted);
    }
    EXPECT_THAT(files(), SizeIs(0));
}

}  // namespace
}  // namespace hexcore

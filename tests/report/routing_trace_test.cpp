#include "hexcore/report/routing_trace.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "hexcore/report/routing_trace_file.hpp"
#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

using test::TempFolder;
using ::testing::HasSubstr;

RoutingTraceHeader some_header() {
    return {.model_name = "a \"model\"\n",
            .architecture = "qwen3moe",
            .n_layers = 4,
            .n_experts_used = 2,
            .layers = {{LayerIndex(1), 8, Bytes(100)}, {LayerIndex(3), 16, Bytes(200)}}};
}

RoutedToken some_token(std::uint32_t batch) {
    return {.batch = batch,
            .position = batch + 4,
            .kind = batch == 1 ? TokenKind::prompt : TokenKind::generated,
            .experts = {{ExpertId(7), ExpertId(0)}, {ExpertId(15), ExpertId(3)}}};
}

Result<RoutingTrace> read(const std::string& text) {
    std::istringstream in(text);
    return read_routing_trace(in, "t.jsonl");
}

std::string problem(const std::string& text) {
    const auto trace = read(text);
    EXPECT_TRUE(!trace && trace.error().code == ErrorCode::bad_input) << text;
    return trace ? "" : trace.error().message;
}

std::string content(const std::filesystem::path& path) {
    std::ostringstream all;
    all << std::ifstream(path).rdbuf();
    return all.str();
}

const std::string header_line = routing_header_line(some_header());

TEST(RoutingTrace, IsReadAsItWasWritten) {
    RoutedToken empty = some_token(2);
    empty.experts[1].clear();
    const auto trace =
        read(header_line + routed_token_line(some_token(1)) + routed_token_line(empty));
    ASSERT_TRUE(trace.has_value()) << trace.error().message;
    EXPECT_EQ(trace->header.model_name, "a \"model\"\n");
    EXPECT_EQ(trace->header.architecture, "qwen3moe");
    EXPECT_EQ(trace->header.n_layers, 4U);
    EXPECT_EQ(trace->header.n_experts_used, 2U);
    ASSERT_EQ(trace->header.layers.size(), 2U);
    EXPECT_EQ(trace->header.layers[1].layer, LayerIndex(3));
    EXPECT_EQ(trace->header.layers[1].n_experts, 16U);
    EXPECT_EQ(trace->header.layers[1].expert_bytes, Bytes(200));
    ASSERT_EQ(trace->tokens.size(), 2U);
    EXPECT_EQ(trace->tokens[0].position, 5U);
    EXPECT_EQ(trace->tokens[0].kind, TokenKind::prompt);
    EXPECT_EQ(trace->tokens[0].experts, some_token(1).experts);
    EXPECT_EQ(trace->tokens[1].kind, TokenKind::generated);
    EXPECT_TRUE(trace->tokens[1].experts[1].empty());
    EXPECT_FALSE(trace->cut_off);
}

TEST(RoutingTrace, CutOffAnywhereBehindItsFirstLineIsReadUpToThere) {
    const std::string whole =
        header_line + routed_token_line(some_token(1)) + routed_token_line(some_token(2));
    for (std::size_t size = header_line.size(); size <= whole.size(); ++size) {
        const auto trace = read(whole.substr(0, size));
        ASSERT_TRUE(trace.has_value()) << trace.error().message;
        EXPECT_EQ(trace->cut_off, whole[size - 1] != '\n');
    }
    for (std::size_t size = 0; size < header_line.size(); ++size) {
        EXPECT_THAT(problem(whole.substr(0, size)),
                    HasSubstr("t.jsonl, line 1: there is no whole"));
    }
}

TEST(RoutingTrace, SaysInWhichLineSomethingIsWrong) {
    const auto token = [](const std::string& from, const std::string& to) {
        std::string line = routed_token_line(some_token(2));
        const std::size_t at = line.find(from);
        EXPECT_NE(at, std::string::npos) << from;
        return header_line + routed_token_line(some_token(2)) + line.replace(at, from.size(), to);
    };
    EXPECT_THAT(problem(token("15,3", "16,3")),
                HasSubstr("t.jsonl, line 3: experts[1][0] is 16; the layer has 16 experts"));
    EXPECT_THAT(problem(token("15,3", "3,3")), HasSubstr("experts[1][1] is 3; it comes twice"));
    EXPECT_THAT(problem(token("15,3", "3")), HasSubstr("none or 2 of them"));
    EXPECT_THAT(problem(token("15,3", "15,-3")), HasSubstr("a whole number"));
    EXPECT_THAT(problem(token("[7,0],", "")), HasSubstr("one list for each of 2 layers"));
    EXPECT_THAT(problem(token("[7,0]", "7")), HasSubstr("experts[0]"));
    EXPECT_THAT(problem(token("\"batch\":2", "\"batch\":1")), HasSubstr("2 at least"));
    EXPECT_THAT(problem(token("generated", "guessed")), HasSubstr("\"prompt\" or \"generated\""));
    EXPECT_THAT(problem(token("\"position\":6,", "")), HasSubstr("line 3: the document lacks"));
    EXPECT_THAT(problem(token("{", "")), HasSubstr("line 3: it is not JSON"));
    EXPECT_THAT(problem(header_line + "\n"), HasSubstr("line 2: it is not JSON"));
    EXPECT_THAT(problem(header_line + "[1]\n"), HasSubstr("line 2: "));
    EXPECT_THAT(problem(header_line + std::string(std::size_t{5} << 20U, '[') + "\n"),
                HasSubstr("line 2: it is longer"));
    EXPECT_THAT(problem(header_line + std::string(std::size_t{1} << 20U, '[') + "\n"),
                HasSubstr("line 2: it is not JSON"));
}

TEST(RoutingTrace, RefusesAFirstLineOfWhatCannotBe) {
    const auto changed = [](const std::string& from, const std::string& to) {
        std::string line = header_line;
        const std::size_t at = line.find(from);
        EXPECT_NE(at, std::string::npos) << from;
        return line.replace(at, from.size(), to);
    };
    EXPECT_THAT(problem(changed("routing/1", "routing/2")), HasSubstr("line 1: schema"));
    EXPECT_THAT(problem(changed("\"n_layers\":4", "\"n_layers\":0")), HasSubstr("1 to 0"));
    EXPECT_THAT(problem(changed("\"n_layers\":4", "\"n_layers\":3")), HasSubstr("layers[1].layer"));
    EXPECT_THAT(problem(changed("\"n_layers\":4", "\"n_layers\":4000000000")), HasSubstr("4096"));
    EXPECT_THAT(problem(changed("\"layer\":3", "\"layer\":1")), HasSubstr("comes later"));
    EXPECT_THAT(problem(changed("\"n_experts\":8", "\"n_experts\":1")), HasSubstr("uses 2"));
    EXPECT_THAT(problem(changed("\"n_experts\":8", "\"n_experts\":70000")), HasSubstr("65536"));
    EXPECT_THAT(problem("{}\n"), HasSubstr("lacks the key 'schema'"));
    EXPECT_THAT(problem("null\n"), HasSubstr("line 1"));
}

TEST(RoutingTrace, ThatIsNoFileCannotBeRead) {
    const TempFolder folder;
    for (const auto& path : {folder.path(), folder.path() / "none"}) {
        const auto trace = read_routing_trace(path);
        ASSERT_FALSE(trace.has_value());
        EXPECT_EQ(trace.error().code, ErrorCode::bad_input);
    }
}

TEST(RoutingTraceFile, HasEachBatchAsSoonAsItWasComputed) {
    const TempFolder folder;
    const auto path = folder.path() / "trace";
    auto file = RoutingTraceFile::open(path);
    ASSERT_TRUE(file.has_value());
    file->begin(some_header());
    file->computed({some_token(1), some_token(1)});
    EXPECT_EQ(read_routing_trace(path)->tokens.size(), 2U);
    file->computed({some_token(2)});
    EXPECT_EQ(read_routing_trace(path)->tokens.size(), 3U);
    EXPECT_TRUE(file->finish().has_value());
}

TEST(RoutingTraceFile, LeavesWhatWasThereUntilThereIsSomethingToWrite) {
    const TempFolder folder;
    const auto path = folder.path() / "trace";
    const std::string older = std::string(header_line) + std::string(10000, 'x');
    std::ofstream(path) << older;
    { const auto file = RoutingTraceFile::open(path); }
    EXPECT_EQ(content(path), older);
    {
        auto file = RoutingTraceFile::open(path);
        file->begin(some_header());
    }
    EXPECT_EQ(content(path), older);
    {
        auto file = RoutingTraceFile::open(path);
        file->begin(some_header());
        EXPECT_TRUE(file->finish().has_value());
    }
    EXPECT_EQ(content(path), older);
    {
        auto file = RoutingTraceFile::open(folder.path() / "of nothing");
        file->begin(some_header());
        EXPECT_TRUE(file->finish().has_value());
    }
    EXPECT_EQ(content(folder.path() / "of nothing"), header_line);
    { const auto file = RoutingTraceFile::open(folder.path() / "another"); }
    EXPECT_FALSE(std::filesystem::exists(folder.path() / "another"));
}

TEST(RoutingTraceFile, OfSomethingElseIsRefusedAndLeftAlone) {
    const TempFolder folder;
    const auto path = folder.path() / "model.gguf";
    std::ofstream(path) << "GGUF and much more";
    const auto refused = RoutingTraceFile::open(path);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::usage);
    EXPECT_THAT(refused.error().message, HasSubstr("no routing trace"));
    EXPECT_EQ(content(path), "GGUF and much more");
}

TEST(RoutingTraceFile, IsWrittenByOneAtATime) {
    const TempFolder folder;
    const auto path = folder.path() / "trace";
    {
        const auto first = RoutingTraceFile::open(path);
        ASSERT_TRUE(first.has_value());
        const auto second = RoutingTraceFile::open(path);
        ASSERT_FALSE(second.has_value());
        EXPECT_THAT(second.error().message, HasSubstr("another run"));
    }
    EXPECT_TRUE(RoutingTraceFile::open(path).has_value());
}

TEST(RoutingTraceFile, OfAPipeThatNobodyReadsIsNotWaitedFor) {
    const TempFolder folder;
    const auto path = folder.path() / "pipe";
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    const auto refused = RoutingTraceFile::open(path);
    ASSERT_FALSE(refused.has_value());
    EXPECT_THAT(refused.error().message, HasSubstr("nobody reads"));
}

TEST(RoutingTraceFile, ThatCannotBeWrittenIsRefused) {
    const TempFolder folder;
    for (const auto& path : {folder.path(), folder.path() / "none" / "trace"}) {
        const auto file = RoutingTraceFile::open(path);
        ASSERT_FALSE(file.has_value());
        EXPECT_EQ(file.error().code, ErrorCode::usage);
        EXPECT_THAT(file.error().message, HasSubstr(path.string()));
    }
}

TEST(RoutingTraceFile, KeepsWholeBatchesWhereNoMoreCanBeWritten) {
    const TempFolder folder;
    const auto path = folder.path() / "trace";
    const std::string line = routed_token_line(some_token(2));
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    auto file = RoutingTraceFile::open(path);
    ASSERT_TRUE(file.has_value());
    file->begin(some_header());
    rlimit limited = before;
    limited.rlim_cur = header_line.size() + line.size() * 5 / 2;
    ::setrlimit(RLIMIT_FSIZE, &limited);
    file->computed({some_token(2)});
    file->computed({some_token(3), some_token(3)});
    file->computed({some_token(4)});
    ::setrlimit(RLIMIT_FSIZE, &before);
    (void)std::signal(SIGXFSZ, handler);
    const auto finished = file->finish();
    ASSERT_FALSE(finished.has_value());
    EXPECT_EQ(finished.error().code, ErrorCode::negative);
    EXPECT_THAT(finished.error().message, HasSubstr("it has the first 1 of 4 tokens"));
    EXPECT_EQ(content(path), header_line + line);
}

TEST(RoutingTraceFile, SaysThatTheDiskIsFull) {
    auto file = RoutingTraceFile::open("/dev/full");
    ASSERT_TRUE(file.has_value());
    file->begin(some_header());
    file->computed({some_token(1)});
    const auto finished = file->finish();
    ASSERT_FALSE(finished.has_value());
    EXPECT_THAT(finished.error().message, HasSubstr("No space left on device; it has the first 0"));
}

}  // namespace
}  // namespace hexcore

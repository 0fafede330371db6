#include "hexcore/chat/request_check.hpp"

#include <cstddef>
#include <nlohmann/json.hpp>

#include "hexcore/base/printable.hpp"
#include "hexcore/chat/guarded_run.hpp"
#include "hexcore/chat/schema_work.hpp"

namespace hexcore {
namespace {

constexpr std::size_t longest_json = std::size_t{256} << 10;
constexpr std::size_t deepest_json = 200;

}  // namespace

Result<void> check_json(std::string_view text, JsonKind kind, const std::string& what) {
    if (text.size() > longest_json) {
        return fail(ErrorCode::usage, "{} has {} bytes; up to {} are taken", what, text.size(),
                    longest_json);
    }
    if (const std::size_t depth = bracket_depth(text); depth > deepest_json) {
        return fail(ErrorCode::usage, "{} is nested {} levels deep; up to {} are taken", what,
                    depth, deepest_json);
    }
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (json.is_discarded()) {
        return fail(ErrorCode::usage, "{} is no JSON", what);
    }
    if (kind == JsonKind::object && !json.is_object()) {
        return fail(ErrorCode::usage, "{} is no JSON object", what);
    }
    return {};
}

Result<void> check_schemas(const std::vector<SchemaText>& schemas) {
    for (const SchemaText& schema : schemas) {
        HEXCORE_TRY_VOID(check_json(schema.text, schema.kind, schema.what));
    }
    Result<void> checked;
    const auto check = [&] {
        SchemaCounts counts;
        for (const SchemaText& schema : schemas) {
            if (checked) {
                checked =
                    check_schema_work(nlohmann::json::parse(schema.text), schema.what, counts);
            }
        }
    };
    // References may lead on and on.
    if (run_guarded(0, check).how != GuardedEnd::How::done) {
        return fail(ErrorCode::does_not_fit,
                    {{.change = Change::raise_limit, .value = "ulimit -v, ulimit -d, ulimit -u"}},
                    "there is no memory to look through a JSON schema");
    }
    return checked;
}

Result<void> check_tools(const std::vector<ChatTool>& tools) {
    std::vector<SchemaText> schemas;
    for (const ChatTool& tool : tools) {
        if (!tool.parameters.empty()) {
            schemas.push_back({tool.parameters, JsonKind::object,
                               fmt::format("the description of what the tool {} takes",
                                           shortened(printable(tool.name), 60))});
        }
    }
    return schemas.empty() ? Result<void>() : check_schemas(schemas);
}

Result<void> check_request(const ChatRequest& request) {
    for (const ChatMessage& message : request.messages) {
        for (const ChatToolCall& call : message.tool_calls) {
            if (!call.arguments.empty()) {
                HEXCORE_TRY_VOID(check_json(call.arguments, JsonKind::object,
                                            fmt::format("what the tool {} was called with",
                                                        shortened(printable(call.name), 60))));
            }
        }
    }
    HEXCORE_TRY_VOID(check_tools(request.tools));
    for (const auto& [name, value] : request.variables) {
        HEXCORE_TRY_VOID(check_json(value, JsonKind::any,
                                    fmt::format("the value of the template's variable {}",
                                                shortened(printable(name), 60))));
    }
    if (!request.json_schema.empty()) {
        HEXCORE_TRY_VOID(grammar_of_schema(request.json_schema).map([](const std::string&) {}));
    }
    if (!request.json_schema.empty() && !request.grammar.empty()) {
        return fail(ErrorCode::usage,
                    "an answer can be held to a JSON schema or to a grammar, "
                    "not to both");
    }
    if (!request.grammar.empty() && !request.tools.empty() &&
        request.tool_choice != ToolChoice::none) {
        return fail(ErrorCode::usage,
                    "an answer that may call tools has the grammar of the calls, "
                    "and cannot be held to another");
    }
    return {};
}

}  // namespace hexcore

// Reads a trace line by line. routing_trace.cpp writes them; docs/formats/routing-trace.md
// specifies the file.
#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "hexcore/report/json_cursor.hpp"
#include "hexcore/report/routing_trace.hpp"

namespace hexcore {
namespace {

// The widest models have some 100 layers with 10 experts each for a token, and 1,000 to choose of.
constexpr std::size_t most_layers = 4096;
constexpr std::uint32_t most_experts = 65536;
constexpr std::size_t most_line_bytes = std::size_t{4} << 20U;

Result<std::uint32_t> counted(const JsonCursor& cursor, std::string_view key, std::uint32_t most) {
    HEXCORE_TRY(member, cursor.member(key));
    HEXCORE_TRY(count, member.count());
    if (count > most) {
        return member.wrong(fmt::format("it must be {} at most", most));
    }
    return count;
}

Result<RoutedLayer> read_layer(const JsonCursor& cursor, const RoutingTraceHeader& header) {
    HEXCORE_TRY(layer, counted(cursor, "layer", header.n_layers - 1));
    HEXCORE_TRY(n_experts, counted(cursor, "n_experts", most_experts));
    HEXCORE_TRY(size, cursor.member("expert_bytes"));
    HEXCORE_TRY(bytes, size.bytes());
    if (n_experts < header.n_experts_used) {
        return cursor.wrong(fmt::format("each token uses {} of them", header.n_experts_used));
    }
    if (!header.layers.empty() && layer <= header.layers.back().layer.value()) {
        return cursor.wrong("the layer before it comes later in the model");
    }
    return RoutedLayer{LayerIndex(layer), n_experts, bytes};
}

Result<RoutingTraceHeader> read_header(const JsonCursor& root) {
    HEXCORE_TRY(schema, root.member("schema"));
    HEXCORE_TRY(schema_name, schema.text());
    if (schema_name != "hexcore.routing/1") {
        return schema.wrong("it must be \"hexcore.routing/1\"");
    }
    RoutingTraceHeader header;
    HEXCORE_TRY(model, root.member("model"));
    HEXCORE_TRY(name, model.member("name"));
    HEXCORE_TRY(name_text, name.text());
    header.model_name = name_text;
    HEXCORE_TRY(architecture, model.member("architecture"));
    HEXCORE_TRY(architecture_text, architecture.text());
    header.architecture = architecture_text;
    HEXCORE_TRY(n_layers, counted(model, "n_layers", most_layers));
    header.n_layers = n_layers;
    HEXCORE_TRY(n_used, counted(model, "n_experts_used", most_experts));
    header.n_experts_used = n_used;
    HEXCORE_TRY(layers, root.member("layers"));
    HEXCORE_TRY(elements, layers.elements());
    if (elements.empty() || elements.size() > n_layers) {
        return layers.wrong(fmt::format("it must have 1 to {} of them", n_layers));
    }
    for (const JsonCursor& element : elements) {
        HEXCORE_TRY(layer, read_layer(element, header));
        header.layers.push_back(layer);
    }
    return header;
}

Result<std::vector<ExpertId>> read_choice(const JsonCursor& cursor, const RoutedLayer& layer,
                                          std::uint32_t n_used) {
    HEXCORE_TRY(elements, cursor.elements());
    if (!elements.empty() && elements.size() != n_used) {
        return cursor.wrong(fmt::format("it must have none or {} of them", n_used));
    }
    std::vector<ExpertId> chosen;
    for (const JsonCursor& element : elements) {
        HEXCORE_TRY(expert, element.count());
        if (expert >= layer.n_experts) {
            return element.wrong(fmt::format("the layer has {} experts", layer.n_experts));
        }
        if (std::ranges::find(chosen, ExpertId(expert)) != chosen.end()) {
            return element.wrong("it comes twice");
        }
        chosen.emplace_back(expert);
    }
    return chosen;
}

Result<RoutedToken> read_token(const JsonCursor& root, const RoutingTrace& trace) {
    RoutedToken token;
    HEXCORE_TRY(batch, root.member("batch"));
    HEXCORE_TRY(batch_count, batch.count());
    const std::uint32_t before = trace.tokens.empty() ? 1 : trace.tokens.back().batch;
    if (batch_count < before) {
        return batch.wrong(fmt::format("it must be {} at least", before));
    }
    token.batch = batch_count;
    HEXCORE_TRY(position, root.member("position"));
    HEXCORE_TRY(position_count, position.count());
    token.position = position_count;
    HEXCORE_TRY(kind, root.member("kind"));
    HEXCORE_TRY(kind_name, kind.text());
    if (kind_name != "prompt" && kind_name != "generated") {
        return kind.wrong("it must be \"prompt\" or \"generated\"");
    }
    token.kind = kind_name == "prompt" ? TokenKind::prompt : TokenKind::generated;
    HEXCORE_TRY(experts, root.member("experts"));
    HEXCORE_TRY(elements, experts.elements());
    if (elements.size() != trace.header.layers.size()) {
        return experts.wrong(
            fmt::format("it must have one list for each of {} layers", trace.header.layers.size()));
    }
    for (std::size_t i = 0; i < elements.size(); ++i) {
        HEXCORE_TRY(chosen,
                    read_choice(elements[i], trace.header.layers[i], trace.header.n_experts_used));
        token.experts.push_back(std::move(chosen));
    }
    return token;
}

enum class Line : std::uint8_t { whole, cut_off, too_long, none };

/// The next line without its end. A file without one keeps no more than a line in memory.
Line next_line(std::istream& in, std::string& line) {
    line.clear();
    for (int c = in.get(); c != std::istream::traits_type::eof(); c = in.get()) {
        if (c == '\n') {
            return Line::whole;
        }
        if (line.size() == most_line_bytes) {
            return Line::too_long;
        }
        line += static_cast<char>(c);
    }
    return line.empty() ? Line::none : Line::cut_off;
}

Result<void> read_line(const std::string& line, RoutingTrace& trace, bool is_header) {
    const auto document = parse_json(line, "line");
    if (!document) {
        return fail(ErrorCode::bad_input, "it is not JSON");
    }
    const JsonCursor root(*document, "");
    if (is_header) {
        HEXCORE_TRY(header, read_header(root));
        trace.header = std::move(header);
        return {};
    }
    HEXCORE_TRY(token, read_token(root, trace));
    trace.tokens.push_back(std::move(token));
    return {};
}

}  // namespace

Result<RoutingTrace> read_routing_trace(std::istream& in, const std::string& name) {
    RoutingTrace trace;
    std::string line;
    for (std::size_t number = 1;; ++number) {
        const Line got = next_line(in, line);
        if (got == Line::too_long) {
            return fail(ErrorCode::bad_input, "{}, line {}: it is longer than any line of a trace",
                        name, number);
        }
        if (got == Line::none && number > 1) {
            return trace;
        }
        if (got != Line::whole && number == 1) {
            return fail(ErrorCode::bad_input,
                        "{}, line 1: there is no whole line, which would say what model it is of",
                        name);
        }
        if (got == Line::cut_off) {
            trace.cut_off = true;
            return trace;
        }
        if (const auto read = read_line(line, trace, number == 1); !read) {
            return fail(ErrorCode::bad_input, "{}, line {}: {}", name, number,
                        read.error().message);
        }
    }
}

Result<RoutingTrace> read_routing_trace(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    // A directory opens, and has no character to give.
    if (!in || (in.peek(), in.bad())) {
        return fail(ErrorCode::bad_input, "cannot read {}", path.string());
    }
    return read_routing_trace(in, path.string());
}

}  // namespace hexcore

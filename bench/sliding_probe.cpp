// What a fixed text costs a model that sees it through a cache too small for it, token by token:
// once with a cache that slides, whose keys and values were computed when more could be seen, and
// once with one that is emptied each time it is full and computes what stays as a text of its own.
// At each place both see the same tokens. Prints one JSON object: of each token but the first, the
// negative natural logarithm of its chance. bench/sliding.py makes perplexities of it.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "hexcore/api/planned_model.hpp"
#include "hexcore/base/text_file.hpp"
#include "hexcore/runtime/batch.hpp"
#include "hexcore/runtime/sampler.hpp"
#include "hexcore/runtime/tokenizer.hpp"
#include "hexcore/session/kv_manager.hpp"
#include "probe.hpp"

namespace hexcore {
namespace {

struct Options {
    PlanningOptions planning;
    std::string reserve = "8MiB";
    std::string kv_type = "f16";
    std::string text;
    std::uint32_t context = 256;
    std::uint32_t windows = 0;  ///< of text; 0: all of it
    std::uint32_t keep = 4;
    std::uint32_t piece = 64;  ///< tokens computed at once
    int threads = 0;
};

enum class Room { slides, computed_anew };

class Reading {
public:
    Reading(LoadedModel& model, const Options& options)
        : model_(model), options_(options), kv_(model, {}), cells_(kv_.add()) {
        HEXCORE_CHECK(kv_.bring_in(cells_), options.context, "the model has no sequence");
    }

    /// Of each token but the first.
    Result<std::vector<double>> surprises(std::span<const Token> text, Room room) {
        surprises_.clear();
        kv_.clear(cells_);
        for (std::size_t at = 0; at < text.size();) {
            if (cells_.tokens.size() == kv_.session_tokens()) {
                HEXCORE_TRY_VOID(make(room));
            }
            const std::size_t count = std::min(next(), text.size() - at);
            HEXCORE_TRY_VOID(compute(text.subspan(at, count)));
            for (std::size_t i = 0; i < count && at + i + 1 < text.size(); ++i) {
                note(i, text[at + i + 1]);
            }
            at += count;
        }
        return surprises_;
    }

private:
    [[nodiscard]] std::size_t next() const {
        return std::min<std::size_t>(options_.piece, kv_.session_tokens() - cells_.tokens.size());
    }

    Result<void> make(Room room) {
        kv_.slide(cells_, options_.keep);
        if (room == Room::slides) {
            return {};
        }
        const std::vector<Token> seen = cells_.tokens;
        kv_.clear(cells_);
        for (std::size_t at = 0; at < seen.size();) {
            const std::size_t count = std::min(next(), seen.size() - at);
            HEXCORE_TRY_VOID(compute(std::span(seen).subspan(at, count)));
            at += count;
        }
        return {};
    }

    Result<void> compute(std::span<const Token> tokens) {
        Batch batch(tokens.size());
        for (std::size_t i = 0; i < tokens.size(); ++i) {
            batch.add(tokens[i], cells_.tokens.size() + i, cells_.sequence.value(), Output::wanted);
        }
        if (const std::int32_t status = llama_decode(&model_.context(), batch.get()); status != 0) {
            return fail(ErrorCode::does_not_fit, "llama_decode gave {} after {} tokens", status,
                        cells_.tokens.size());
        }
        kv_.computed(cells_, tokens);
        return {};
    }

    void note(std::size_t row, Token next) {
        const float* logits =
            llama_get_logits_ith(&model_.context(), static_cast<std::int32_t>(row));
        const auto size = static_cast<std::size_t>(llama_vocab_n_tokens(&model_.vocab()));
        surprises_.push_back(-chances({logits, size}, next, 0).chosen.log_probability);
    }

    LoadedModel& model_;
    const Options& options_;
    KvManager kv_;
    SessionCells& cells_;
    std::vector<double> surprises_;
};

Result<nlohmann::json> measure(const Options& options) {
    PlanningOptions planning = options.planning;
    HEXCORE_TRY(reserve, parse_bytes(options.reserve));
    HEXCORE_TRY(kv_type, parse_kv_type(options.kv_type));
    planning.reserve = reserve;
    planning.kv_type = kv_type;
    planning.context = TokenCount(options.context);
    planning.computing = {
        .outputs = options.piece, .threads = options.threads, .shift = KeyShift::planned};
    HEXCORE_TRY(planned, PlannedModel::make(planning));
    HEXCORE_TRY(model, planned.load());
    HEXCORE_TRY(text, read_text_file(options.text, options.text));
    HEXCORE_TRY(tokens, Tokenizer(model).tokenize(text, TextPlace::start));
    if (options.windows != 0) {
        tokens.resize(std::min<std::size_t>(tokens.size(), options.windows * options.context));
    }
    Reading reading(model, options);
    HEXCORE_TRY(sliding, reading.surprises(tokens, Room::slides));
    HEXCORE_TRY(anew, reading.surprises(tokens, Room::computed_anew));
    return nlohmann::json{{"sliding", std::move(sliding)}, {"computed_anew", std::move(anew)}};
}

}  // namespace
}  // namespace hexcore

int main(int argc, char** argv) {
    using namespace hexcore;
    CLI::App program("reads a text through a cache that slides, and through one computed anew");
    Options options;
    program.add_option("model", options.planning.model)->required();
    program.add_option("--text", options.text)->required();
    program.add_option("--device", options.planning.devices)->expected(1)->take_all();
    program.add_option("--reserve", options.reserve);
    program.add_option("--kv-type", options.kv_type);
    program.add_option("--ctx", options.context);
    program.add_option("--windows", options.windows);
    program.add_option("--keep", options.keep);
    program.add_option("--threads", options.threads);
    CLI11_PARSE(program, argc, argv);
    return print_figures(measure(options));
}

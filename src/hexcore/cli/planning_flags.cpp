#include "hexcore/cli/planning_flags.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <filesystem>

#include "hexcore/base/whole_number.hpp"
#include "hexcore/cli/option_value.hpp"
#include "hexcore/plan/kv_cache.hpp"
#include "hexcore/plan/limits.hpp"

namespace hexcore {

namespace {

/// A file of that name is one, whatever is in the name; else what stands behind the last colon is a
/// scale.
Result<AdapterWish> adapter_wish(const std::string& text) {
    std::error_code ignored_because_false_says_it;
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos ||
        std::filesystem::exists(text, ignored_because_false_says_it)) {
        return AdapterWish{.path = text};
    }
    AdapterWish wish{.path = text.substr(0, colon)};
    const char* const begin = text.data() + colon + 1;
    const char* const end = text.data() + text.size();
    const auto [read_to, error] = std::from_chars(begin, end, wish.scale);
    if (error == std::errc::invalid_argument || read_to != end) {
        return AdapterWish{.path = text};  // which is not there, as its reader is going to say
    }
    if (error != std::errc() || !std::isfinite(wish.scale)) {
        return fail(ErrorCode::usage, "--lora {}: the scale {} is no number that a scale can be",
                    text, text.substr(colon + 1));
    }
    return wish;
}

}  // namespace

void add_threads(CLI::App& command, int& threads) {
    command
        .add_option("-t,--threads", threads,
                    "threads to compute with (default: one for each core within the CPU quota)")
        ->check(whole_between(1, 512))
        ->option_text("N");
}

void PlanningFlags::add_to(CLI::App& command, bool model_required) {
    auto* positional =
        command.add_option("model", model, "a GGUF file; of a split model, any part");
    positional->required(model_required)->option_text("MODEL");
    add_placing_to(command);
}

void PlanningFlags::add_placing_to(CLI::App& command) {
    command
        .add_option("--device", devices,
                    "host=SIZE, cuda:N[=SIZE], rpc:HOST:PORT[=SIZE] or SIZE; repeatable, in order")
        ->option_text("SPEC")
        ->expected(1)
        ->allow_extra_args(false)  // what stands behind its value is another argument
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    command
        .add_option("--reserve", reserve,
                    "kept free on each device (default: 1/16 of the budget, at most 1GiB)")
        ->check(byte_size())
        ->option_text("SIZE");
    command
        .add_option("--expert-cache", expert_cache,
                    "memory of each GPU for copies of experts that lie in main memory, at most "
                    "(default: none)")
        ->check(byte_size())
        ->option_text("SIZE");
    command
        .add_option("-c,--ctx", context,
                    fmt::format("tokens of context for all sequences together, 32k for 32768, or "
                                "what the KV cache may take, 300MiB (default: {} tokens for each, "
                                "or what the model was trained for)",
                                default_context_tokens))
        ->option_text("N")
        ->transform(token_count_or_size(max_context_tokens));
    command.add_option("--kv-type", kv_type, "element type of the KV cache: f16, q8_0 or q4_0")
        ->option_text("TYPE")
        ->check(CLI::IsMember({"f16", "q8_0", "q4_0"}));
    command.add_flag("--swa-full", swa_full,
                     "layers with a sliding window keep the cells of all tokens, not of the "
                     "window alone");
    command.add_option("--sequences", sequences, "sequences side by side in the KV cache")
        ->option_text("N")
        ->check(whole_between(1, max_sequences));
    command.add_option("--ubatch", ubatch, "tokens computed at once, at most")
        ->option_text("N")
        ->check(whole_between(1, max_ubatch));
    command.add_option("--policy", policy, "balanced, fastest, alternate or layers")
        ->option_text("NAME")
        ->check(CLI::IsMember({"balanced", "fastest", "alternate", "layers"}));
    command
        .add_option("--lora", adapters,
                    "a LoRA adapter in GGUF that is applied to all that is computed, with its "
                    "strength (default: 1); repeatable")
        ->option_text("FILE[:SCALE]")
        ->expected(1)
        ->allow_extra_args(false)  // what stands behind its value is another argument
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    command
        .add_option("--fit", fit, "ctx: the longest context that fits (at most --ctx, if given)")
        ->option_text("WHAT")
        ->check(CLI::IsMember({"ctx"}));
}

void PlanningFlags::add_loading_to(CLI::App& command) {
    command.add_flag("--verify-data", verify_data,
                     "refuse a model with a NaN or an infinity in its tensors, looked for while "
                     "they are read");
}

void PlanningFlags::add_on_full_to(CLI::App& command) {
    command
        .add_option("--on-full", on_full,
                    "when the context is full: stop, or slide, which forgets the older half")
        ->check(CLI::IsMember({"stop", "slide"}))
        ->option_text("WHAT");
}

void PlanningFlags::add_keep_to(CLI::App& command) {
    command
        .add_option("--keep", keep, "tokens at the start that are never forgotten when it slides")
        ->needs("--on-full")
        ->check(whole_between(0, 1U << 30U))
        ->option_text("N");
}

void PlanningFlags::add_parking_to(CLI::App& command, Sessions sessions) {
    parks = sessions == Sessions::several;
    command
        .add_option("--park-memory", park_memory,
                    fmt::format("host memory for sessions that make room in the cache, at most "
                                "(default: {})",
                                parks ? "256MiB, less if there is little" : "none"))
        ->check(byte_size())
        ->option_text("SIZE");
    command
        .add_option("--park-files", park_files, "the same in files, behind that (default: none)")
        ->check(byte_size())
        ->option_text("SIZE");
}

void PlanningFlags::add_resident_to(CLI::App& command) {
    command
        .add_option("--adapters-resident", resident,
                    "how many experts' adapters are there at a time, or what they may take; others "
                    "take turns with them (default: as many as fit)")
        ->option_text("N|SIZE")
        ->check(CLI::Validator(
            [](const std::string& text) -> std::string {
                const auto number = whole_number<std::size_t>(text);
                const bool is_wanted =
                    is_size(text) ? parse_bytes(text).value_or(0_B) > 0_B : number && *number > 0;
                return is_wanted ? "" : text + " is neither a number from 1 nor a size";
            },
            ""));
}

Result<ParkingWish> PlanningFlags::parking() const {
    ParkingWish wish;
    if (parks) {
        wish = {.memory = {}, .files = {}};
    }
    if (!park_memory.empty()) {
        HEXCORE_TRY(memory, parse_bytes(park_memory));
        wish.memory = memory;
    }
    if (!park_files.empty()) {
        HEXCORE_TRY(files, parse_bytes(park_files));
        wish.files = files;
    }
    return wish;
}

Result<PlanningOptions> PlanningFlags::options() const {
    PlanningOptions options;
    options.model = model;
    options.devices = devices;
    if (!reserve.empty()) {
        HEXCORE_TRY(size, parse_bytes(reserve));
        options.reserve = size;
    }
    if (!expert_cache.empty()) {
        HEXCORE_TRY(size, parse_bytes(expert_cache));
        options.expert_cache = size;
    }
    if (is_size(context)) {
        HEXCORE_TRY(budget, parse_bytes(context));
        options.cache_budget = budget;
    } else if (const auto tokens = whole_number<std::uint32_t>(context)) {
        options.context = TokenCount(*tokens);
    }
    options.longest_context = fit == "ctx";
    options.sequences = sequences;
    options.ubatch = TokenCount(ubatch);
    HEXCORE_TRY(type, parse_kv_type(kv_type));
    HEXCORE_TRY(by, parse_policy(policy));
    options.kv_type = type;
    options.swa_full = swa_full;
    options.policy = by;
    for (const std::string& text : adapters) {
        HEXCORE_TRY(adapter, adapter_wish(text));
        options.adapters.push_back(std::move(adapter));
    }
    if (is_size(resident)) {
        HEXCORE_TRY(most, parse_bytes(resident));
        options.resident.bytes = most;
    } else {
        options.resident.sets = whole_number<std::size_t>(resident).value_or(0);
    }
    options.computing.shift = when_full() == OnFull::slide ? KeyShift::planned : KeyShift::never;
    HEXCORE_TRY(wish, parking());
    options.parking = wish;
    options.examiner = "/proc/self/exe";
    return options;
}

}  // namespace hexcore

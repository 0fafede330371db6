#include "hexcore/serve/read_answer_fields.hpp"

#include <fmt/format.h>

#include <charconv>
#include <limits>

namespace hexcore {
namespace {

using Json = JsonFields::Json;

constexpr std::size_t stops_most = 16;
constexpr std::int64_t count_most = std::numeric_limits<std::int32_t>::max();

void read_stops(JsonFields& fields, std::vector<std::string>& stops) {
    const auto* field = fields.any("stop");
    if (field == nullptr) {
        return;
    }
    const auto wrong = [&fields] {
        fields.complain(
            "stop", fmt::format("must be a string or a list of up to {}, none empty", stops_most));
    };
    const bool is_list = field->is_array();
    if ((!is_list && !field->is_string()) || (is_list && field->size() > stops_most)) {
        return wrong();
    }
    for (const auto& stop : is_list ? *field : Json::array({*field})) {
        if (!stop.is_string() || stop.get_ref<const std::string&>().empty()) {
            return wrong();
        }
        stops.push_back(stop.get<std::string>());
    }
}

void read_biases(JsonFields& fields, std::vector<LogitBias>& biases) {
    const auto* field = fields.object("logit_bias");
    if (field == nullptr) {
        return;
    }
    for (const auto& [name, value] : field->items()) {
        Token token = 0;
        const char* end = name.data() + name.size();
        const auto parsed = std::from_chars(name.data(), end, token);
        const double bias = value.is_number() ? value.get<double>() : 1000;
        if (parsed.ec != std::errc() || parsed.ptr != end || token < 0 || bias < -100 ||
            bias > 100) {
            fields.complain("logit_bias",
                            "must give token numbers a value between -100 and 100 each");
            return;
        }
        biases.push_back({token, static_cast<float>(bias)});
    }
}

/// Any of 64 bits, as OpenAI's clients may give; those of 32 are what they are for `run`.
std::uint32_t read_seed(JsonFields& fields) {
    constexpr std::uint32_t another_each_time = SamplingOptions{}.seed;
    constexpr auto limits = std::numeric_limits<std::int64_t>();
    const std::int64_t seed = fields.integer("seed", -1, limits.min(), limits.max());
    return seed == -1
               ? another_each_time
               : static_cast<std::uint32_t>(static_cast<std::uint64_t>(seed) % another_each_time);
}

SamplingOptions read_sampling(JsonFields& fields) {
    SamplingOptions sampling;
    const auto number = [&fields](const char* name, float& value, double least, double most) {
        value = static_cast<float>(fields.number(name, value, least, most));
    };
    number("temperature", sampling.temperature, 0, 100);
    number("top_p", sampling.top_p, 0, 1);
    number("min_p", sampling.min_p, 0, 1);
    number("frequency_penalty", sampling.frequency_penalty, -2, 2);
    number("presence_penalty", sampling.presence_penalty, -2, 2);
    number("repeat_penalty", sampling.repeat_penalty, 0.01, 100);
    sampling.top_k =
        static_cast<std::int32_t>(fields.integer("top_k", sampling.top_k, 0, count_most));
    sampling.seed = read_seed(fields);
    return sampling;
}

/// 0: no limit.
std::uint32_t read_limit(JsonFields& fields, const char* name) {
    const Json* field = fields.any(name);
    if (field == nullptr || *field == -1) {  // as llama.cpp's server has it
        return 0;
    }
    return static_cast<std::uint32_t>(fields.integer(name, 0, 1, count_most));
}

std::uint32_t read_max_tokens(JsonFields& fields) {
    const std::uint32_t newer = read_limit(fields, "max_completion_tokens");
    const std::uint32_t older = read_limit(fields, "max_tokens");
    if (newer != 0 && older != 0 && newer != older) {
        fields.complain("max_tokens", "is not max_completion_tokens, which is given, too");
    }
    return newer != 0 ? newer : older;
}

}  // namespace

AskedAnswer read_answer_fields(JsonFields& fields) {
    AskedAnswer answer;
    answer.model = fields.text("model").value_or("");
    for (const char* of_the_user : {"user", "safety_identifier", "prompt_cache_key"}) {
        (void)fields.text(of_the_user);
    }
    fields.harmless("service_tier", "auto");
    fields.harmless("service_tier", "default");
    fields.harmless("cache_prompt", true);  // of llama.cpp's server
    answer.choices = static_cast<std::uint32_t>(fields.integer("n", 1, 1, 128));
    answer.stream = fields.flag("stream", false);
    if (const auto* options = fields.object("stream_options")) {
        JsonFields inner(*options, fields.path_of("stream_options"), fields.problem());
        answer.include_usage = inner.flag("include_usage", false);
        inner.harmless("include_obfuscation", false);
        inner.nothing_else();
        if (!answer.stream) {
            fields.complain("stream_options", "is for a stream only");
        }
    }
    answer.how.max_tokens = read_max_tokens(fields);
    answer.how.sampling = read_sampling(fields);
    read_stops(fields, answer.how.stops);
    read_biases(fields, answer.how.biases);
    if (auto name = fields.text("session_id")) {
        if (name->empty() || name->size() > 256) {
            fields.complain("session_id", "must have 1 to 256 bytes");
        }
        if (answer.choices > 1) {
            fields.complain("n", "must be 1 in a session with a name");
        }
        answer.session_name = std::move(*name);
    }
    return answer;
}

}  // namespace hexcore

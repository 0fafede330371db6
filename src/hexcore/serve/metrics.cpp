#include "hexcore/serve/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace hexcore {
namespace {

void describe(std::string& text, std::string_view name, std::string_view type,
              std::string_view help) {
    fmt::format_to(std::back_inserter(text), "# HELP hexcore_{} {}\n# TYPE hexcore_{} {}\n", name,
                   help, name, type);
}

void add(std::string& text, std::string_view name, std::string_view type, std::string_view help,
         std::uint64_t value) {
    describe(text, name, type, help);
    fmt::format_to(std::back_inserter(text), "hexcore_{} {}\n", name, value);
}

/// A name within quotes of the text format.
std::string label(std::string_view value) {
    std::string escaped;
    for (const char c : value) {
        if (c == '\\' || c == '"') {
            escaped += '\\';
        }
        escaped += c == '\n' ? ' ' : c;
    }
    return escaped;
}

void add_cache(std::string& text, const CacheStats& cache) {
    const CacheCounts& counts = cache.counts;
    add(text, "sessions", "gauge", "Sessions that are kept.", cache.sessions);
    add(text, "sessions_parked", "gauge", "Sessions whose cells are in memory or files.",
        cache.sessions_parked);
    add(text, "cache_cells_total", "gauge", "Cells of the KV cache.", cache.cells_total);
    add(text, "cache_cells_used", "gauge", "Cells with a token in them.", cache.cells_used);
    add(text, "cache_cells_high_water", "gauge", "The most cells that were ever used at once.",
        cache.cells_high_water);
    add(text, "cache_bytes_total", "gauge", "Bytes of the KV cache.", cache.total().count());
    add(text, "cache_bytes_used", "gauge", "Bytes of its cells in use.", cache.used().count());
    add(text, "cache_bytes_high_water", "gauge", "The most bytes that were ever in use at once.",
        cache.high_water.count());
    add(text, "parked_memory_bytes", "gauge", "Host memory of parked sessions.",
        cache.parked_memory.count());
    add(text, "parked_file_bytes", "gauge", "Files of parked sessions.",
        cache.parked_files.count());
    add(text, "parked_memory_limit_bytes", "gauge", "The most host memory of parked sessions.",
        cache.parking.memory.count());
    add(text, "parked_file_limit_bytes", "gauge", "The most that files of parked sessions take.",
        cache.parking.files.count());
    add(text, "cache_tokens_computed_total", "counter", "Tokens computed into the cache.",
        counts.tokens_computed);
    add(text, "cache_tokens_reused_total", "counter", "Tokens of prompts that were there.",
        counts.tokens_reused);
    add(text, "cache_tokens_evicted_total", "counter", "Tokens taken out to make room.",
        counts.tokens_evicted);
    add(text, "cache_shifts_total", "counter", "How often a full session slid.", counts.shifts);
    add(text, "cache_parked_total", "counter", "How often a session was parked.", counts.parked);
    add(text, "cache_restored_total", "counter", "How often a parked session came back.",
        counts.restored);
}

void add_cache_devices(std::string& text, const std::vector<DeviceCache>& devices) {
    const auto line = [&text](const char* name, const DeviceCache& device, const char* kind,
                              std::uint64_t value) {
        fmt::format_to(std::back_inserter(text),
                       "hexcore_cache_device_{}{{device=\"{}\",kind=\"{}\"}} {}\n", name,
                       label(device.name), kind, value);
    };
    describe(text, "cache_device_cells", "gauge", "Cells of the cache on a device.");
    for (const DeviceCache& device : devices) {
        line("cells", device, "total", device.cells_total);
        line("cells", device, "used", device.cells_used);
        line("cells", device, "high_water", device.cells_high_water);
    }
    describe(text, "cache_device_bytes", "gauge", "Bytes of the cache on a device.");
    for (const DeviceCache& device : devices) {
        line("bytes", device, "total", device.total.count());
        line("bytes", device, "used", device.used.count());
        line("bytes", device, "high_water", device.high_water.count());
    }
}

void add_devices(std::string& text, const std::vector<RunDevice>& devices) {
    describe(text, "device_bytes", "gauge", "Memory of a device.");
    const auto line = [&text](const RunDevice& device, const char* kind, Bytes bytes) {
        fmt::format_to(std::back_inserter(text),
                       "hexcore_device_bytes{{device=\"{}\",kind=\"{}\"}} {}\n", label(device.name),
                       kind, bytes.count());
    };
    for (const RunDevice& device : devices) {
        line(device, "budget", device.budget);
        line(device, "planned", device.planned.total());
        line(device, "accounted", device.accounted.total());
        if (device.measured) {
            line(device, "measured", *device.measured);
        }
        line(device, "peak", device.peak);
    }
    describe(text, "device_refused_total", "counter", "Allocations refused because of the budget.");
    for (const RunDevice& device : devices) {
        fmt::format_to(std::back_inserter(text),
                       "hexcore_device_refused_total{{device=\"{}\"}} {}\n", label(device.name),
                       device.refused);
    }
}

/// Only of devices that have one: it is there or not for as long as the model is loaded.
void add_expert_caches(std::string& text, const std::vector<RunDevice>& devices) {
    const auto is_cached = [](const RunDevice& device) { return device.expert_cache.has_value(); };
    if (std::none_of(devices.begin(), devices.end(), is_cached)) {
        return;
    }
    const auto lines = [&](const char* name, const char* type, const char* help, auto value) {
        describe(text, name, type, help);
        for (const RunDevice& device : devices) {
            if (device.expert_cache) {
                fmt::format_to(std::back_inserter(text), "hexcore_{}{{device=\"{}\"}} {}\n", name,
                               label(device.name), value(*device.expert_cache));
            }
        }
    };
    lines("expert_cache_slots", "gauge", "Experts that the expert cache has room for.",
          [](const ExpertCacheStats& stats) { return stats.slots; });
    lines("expert_cache_hits_total", "counter", "Experts in main memory found in the cache.",
          [](const ExpertCacheStats& stats) { return stats.hits; });
    lines("expert_cache_misses_total", "counter", "Experts in main memory not found there.",
          [](const ExpertCacheStats& stats) { return stats.misses(); });
    lines("expert_cache_uploads_total", "counter", "Experts copied to the cache.",
          [](const ExpertCacheStats& stats) { return stats.uploads; });
    lines("expert_cache_uploaded_bytes_total", "counter", "Bytes copied to the cache.",
          [](const ExpertCacheStats& stats) { return stats.bytes.count(); });
}

}  // namespace

void Histogram::add(double seconds) {
    const auto bound = std::ranges::lower_bound(bounds, seconds);
    ++counts_[static_cast<std::size_t>(bound - bounds.begin())];
    sum_ += seconds;
}

std::string Histogram::lines(std::string_view name, std::string_view help) const {
    std::string text;
    describe(text, name, "histogram", help);
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
        count += counts_[i];
        const std::string bound = i < bounds.size() ? fmt::format("{:g}", bounds[i]) : "+Inf";
        fmt::format_to(std::back_inserter(text), "hexcore_{}_bucket{{le=\"{}\"}} {}\n", name, bound,
                       count);
    }
    fmt::format_to(std::back_inserter(text), "hexcore_{}_sum {}\nhexcore_{}_count {}\n", name, sum_,
                   name, count);
    return text;
}

void Metrics::count_request(const std::string& path, int status) {
    const std::lock_guard lock(mutex_);
    ++requests_[{path, status}];
}

void Metrics::count_answer(const Answer& answer) {
    const std::lock_guard lock(mutex_);
    ++answers_[to_string(answer.stop)];
    prompt_tokens_ += answer.prompt_tokens;
    reused_tokens_ += answer.reused_tokens;
    generated_tokens_ += answer.generated_tokens;
    if (answer.stop == StopReason::interrupted) {
        return;  // how long it would have taken nobody knows
    }
    const double whole = answer.waited_seconds + answer.prompt_seconds + answer.decode_seconds;
    ++answered_;
    seconds_ += whole;
    waited_.add(answer.waited_seconds);
    to_first_token_.add(answer.waited_seconds + answer.prompt_seconds);
    whole_.add(whole);
    if (answer.generated_tokens > 1) {
        per_token_.add(answer.decode_seconds / (answer.generated_tokens - 1));
    }
}

void Metrics::count_question(const Question& question) {
    const std::lock_guard lock(mutex_);
    for (const std::string& expert : question.experts) {
        ++questions_[expert];
    }
    if (question.experts.empty()) {
        ++refused_questions_;
    }
    if (!question.suggested.empty()) {
        ++fallbacks_[question.suggested];
    }
}

double Metrics::seconds_each() {
    const std::lock_guard lock(mutex_);
    return answered_ == 0 ? 0 : seconds_ / static_cast<double>(answered_);
}

std::string Metrics::requests_text() {
    std::string text;
    describe(text, "requests_total", "counter", "Requests by path and status.");
    const std::lock_guard lock(mutex_);
    for (const auto& [what, count] : requests_) {
        fmt::format_to(std::back_inserter(text),
                       "hexcore_requests_total{{path=\"{}\",status=\"{}\"}} {}\n",
                       label(what.first), what.second, count);
    }
    return text;
}

/// All of them, also those that nobody has asked: a counter that appears has no rate before.
void Metrics::add_experts(std::string& text, const std::vector<Expert>& experts) {
    const auto lines = [&](const char* name, const char* type, const char* help, auto value) {
        describe(text, name, type, help);
        for (const Expert& expert : experts) {
            fmt::format_to(std::back_inserter(text), "hexcore_{}{{expert=\"{}\"}} {}\n", name,
                           label(expert.name), value(expert));
        }
    };
    const std::lock_guard lock(mutex_);
    lines("assistant_questions_total", "counter",
          "Questions by who answered; of several experts each.",
          [this](const Expert& expert) { return questions_[expert.name]; });
    lines("assistant_fallbacks_total", "counter", "Suggestions of an expert in another's place.",
          [this](const Expert& expert) { return fallbacks_[expert.name]; });
    add(text, "assistant_refused_total", "counter",
        "Questions without an answer, since they were strict.", refused_questions_);
    lines("expert_failures", "gauge", "Failures of an expert that still count.",
          [](const Expert& expert) { return expert.failures; });
    lines("expert_out", "gauge", "1 while an expert is not asked, for its failures.",
          [](const Expert& expert) { return expert.is_out ? 1 : 0; });
}

std::string Metrics::text(const Now& now) {
    std::string text;
    add(text, "model_loaded", "gauge", "1 once the model is loaded.", now.loaded ? 1 : 0);
    add(text, "requests_waiting", "gauge", "Answers that wait for a sequence.", now.engine.waiting);
    add(text, "requests_answering", "gauge", "Answers that are being computed.",
        now.engine.answering);
    {
        const std::lock_guard lock(mutex_);
        describe(text, "answers_total", "counter", "Answers by why they ended.");
        for (const auto& [reason, count] : answers_) {
            fmt::format_to(std::back_inserter(text), "hexcore_answers_total{{stop=\"{}\"}} {}\n",
                           reason, count);
        }
        add(text, "prompt_tokens_total", "counter", "Tokens of prompts.", prompt_tokens_);
        add(text, "cached_tokens_total", "counter", "Of these, reused.", reused_tokens_);
        add(text, "generated_tokens_total", "counter", "Tokens of answers.", generated_tokens_);
        text += waited_.lines("wait_seconds", "Until a request had a sequence.");
        text += to_first_token_.lines("time_to_first_token_seconds", "Until the first token.");
        text += per_token_.lines("token_seconds", "For each token behind the first.");
        text += whole_.lines("answer_seconds", "For a whole answer.");
    }
    if (now.loaded) {
        describe(text, "state_age_seconds", "gauge",
                 "How long ago the requests, sessions and cache were so: since a turn began.");
        fmt::format_to(std::back_inserter(text), "hexcore_state_age_seconds {}\n",
                       now.engine.age.count());
        add_cache(text, now.engine.cache);
        add_cache_devices(text, now.engine.cache.devices);
        add_devices(text, now.devices);
        add_expert_caches(text, now.devices);
        if (!now.experts.empty()) {
            add_experts(text, now.experts);
        }
    }
    return text;
}

}  // namespace hexcore

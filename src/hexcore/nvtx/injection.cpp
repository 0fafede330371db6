/// libhexcore-nvtx.so, which NVTX loads into an unmodified program when NVTX_INJECTION64_PATH names
/// it: the program's ranges become labels and its marks become marks, told through the one teller
/// of the process.
///
/// A range of push and pop belongs to a thread and a domain. Labels nest by thread alone, so one
/// that is popped while a range of another domain is open above it ends with that one. A range of
/// start and end belongs to no thread; it becomes two marks.

#include <pthread.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "hexcore/tracker.h"

namespace hexcore {
namespace {

// NVTX's interface between a program and a tool, as far as it is used here (NVTX 3).
using Function = void (*)();
using GetExportTable = const void* (*)(std::uint32_t table);
struct Callbacks {
    std::size_t size;
    /// The program's pointers to functions, at indices that are NVTX's numbers of them.
    int (*functions_of)(int module, Function*** functions, unsigned* count);
};
constexpr std::uint32_t callbacks_table = 1;
constexpr int core_module = 1;
constexpr int core_domains_module = 5;

/// What a handle of a domain, and of a registered text, points to. To the program it is opaque.
struct Domain {
    std::string prefix;  ///< of labels
};
using Registered = std::string;

enum class MessageType : std::int32_t { unknown, narrow, wide, registered };
struct Attributes {
    std::uint16_t version;
    std::uint16_t size;
    std::uint32_t category;
    std::int32_t color_type;
    std::uint32_t color;
    std::int32_t payload_type;
    std::int32_t reserved;
    std::uint64_t payload;
    MessageType message_type;
    union {
        const char* narrow;
        const wchar_t* wide;
        const Registered* registered;
    } message;
};
static_assert(sizeof(Attributes) == 48);

/// What a program registers stays: it may use it until it ends, after static objects are gone.
struct Registry {
    std::mutex mutex;
    std::unordered_map<std::string, Domain> domains;
    std::unordered_set<Registered> texts;
    std::unordered_map<std::uint64_t, std::string> started;  ///< ranges of start and end
    std::uint64_t next_range = 1;
};

Registry& registry() {
    static auto* const kept = new Registry;
    return *kept;
}

/// A child that is forked while another thread has the registry would wait for it for ever.
void keep_registry_over_forks() {
    const auto unlock = [] { registry().mutex.unlock(); };
    static const int registered = ::pthread_atfork([] { registry().mutex.lock(); }, unlock, unlock);
    static_cast<void>(registered);
}

/// UTF-8 of UTF-32, which wide characters are here.
std::string narrowed(const wchar_t* wide) {
    std::string text;
    for (; wide != nullptr && *wide != 0; ++wide) {
        const auto point = std::bit_cast<std::uint32_t>(*wide);
        const auto last_bits = [&](unsigned shift) {
            text += static_cast<char>(0x80U | (point >> shift & 0x3fU));
        };
        if (point < 0x80) {
            text += static_cast<char>(point);
        } else if (point < 0x800) {
            text += static_cast<char>(0xc0U | point >> 6U);
            last_bits(0);
        } else if (point < 0x10000) {
            text += static_cast<char>(0xe0U | point >> 12U);
            last_bits(6);
            last_bits(0);
        } else {
            text += static_cast<char>(0xf0U | (point >> 18U & 7U));
            last_bits(12);
            last_bits(6);
            last_bits(0);
        }
    }
    return text;
}

std::string text_in(const Domain* domain, std::string_view message) {
    const std::string_view named = message.empty() ? "(no name)" : message;
    return domain == nullptr ? std::string(named) : domain->prefix + std::string(named);
}

std::string text_of(const Domain* domain, const Attributes* attributes) {
    if (attributes == nullptr || attributes->size < sizeof(Attributes)) {
        return text_in(domain, {});
    }
    const auto& message = attributes->message;
    switch (attributes->message_type) {
        case MessageType::narrow:
            return text_in(domain, message.narrow == nullptr ? "" : message.narrow);
        case MessageType::wide:
            return text_in(domain, narrowed(message.wide));
        case MessageType::registered:
            return message.registered == nullptr ? text_in(domain, {}) : *message.registered;
        case MessageType::unknown:
            break;
    }
    return text_in(domain, {});
}

/// A label that this thread has open.
struct Open {
    const Domain* domain;
    bool popped;
};
thread_local std::vector<Open> open_labels;

int ranges_open(const Domain* domain) {
    int count = 0;
    for (const Open& open : open_labels) {
        count += open.domain == domain && !open.popped ? 1 : 0;
    }
    return count;
}

/// Both return how many ranges of the domain the thread has open around this one, as NVTX wants.
int push(const Domain* domain, const std::string& text) {
    const int level = ranges_open(domain);
    open_labels.push_back({domain, false});
    ::hexcore_label_begin(text.c_str());
    return level;
}

int pop(const Domain* domain) {
    constexpr int nothing_to_pop = -1;
    const auto innermost =
        std::find_if(open_labels.rbegin(), open_labels.rend(),
                     [domain](const Open& open) { return open.domain == domain && !open.popped; });
    if (innermost == open_labels.rend()) {
        return nothing_to_pop;
    }
    innermost->popped = true;
    for (; !open_labels.empty() && open_labels.back().popped; open_labels.pop_back()) {
        ::hexcore_label_end();
    }
    return ranges_open(domain);
}

std::uint64_t start(std::string text) {
    ::hexcore_mark((text + " starts").c_str());
    Registry& known = registry();
    const std::lock_guard lock(known.mutex);
    known.started.emplace(known.next_range, std::move(text));
    return known.next_range++;
}

void end(std::uint64_t range) {
    Registry& known = registry();
    std::unique_lock lock(known.mutex);
    const auto ended = known.started.extract(range);
    lock.unlock();
    if (ended) {
        ::hexcore_mark((ended.mapped() + " ends").c_str());
    }
}

const Domain* make_domain(const std::string& name) {
    Registry& known = registry();
    const std::lock_guard lock(known.mutex);
    return &known.domains.try_emplace(name, Domain{name + ": "}).first->second;
}

const Registered* register_text(const Domain* domain, std::string_view text) {
    Registry& known = registry();
    const std::lock_guard lock(known.mutex);
    return &*known.texts.insert(text_in(domain, text)).first;
}

std::string_view or_empty(const char* text) { return text == nullptr ? "" : text; }

template <typename F>
Function as_function(F* function) {
    return reinterpret_cast<Function>(function);
}

struct Handler {
    int module;
    unsigned number;
    Function function;
};

/// By NVTX's numbers of its functions, in the order of its headers.
std::vector<Handler> handlers() {
    const int core = core_module;
    const int domains = core_domains_module;
    using Wide = const wchar_t*;
    using Event = const Attributes*;
    return {
        {core, 1, as_function(+[](Event e) { ::hexcore_mark(text_of(nullptr, e).c_str()); })},
        {core, 2, as_function(+[](const char* t) {
             ::hexcore_mark(text_in(nullptr, or_empty(t)).c_str());
         })},
        {core, 3,
         as_function(+[](Wide t) { ::hexcore_mark(text_in(nullptr, narrowed(t)).c_str()); })},
        {core, 4, as_function(+[](Event e) { return start(text_of(nullptr, e)); })},
        {core, 5, as_function(+[](const char* t) { return start(text_in(nullptr, or_empty(t))); })},
        {core, 6, as_function(+[](Wide t) { return start(text_in(nullptr, narrowed(t))); })},
        {core, 7, as_function(&end)},
        {core, 8, as_function(+[](Event e) { return push(nullptr, text_of(nullptr, e)); })},
        {core, 9,
         as_function(+[](const char* t) { return push(nullptr, text_in(nullptr, or_empty(t))); })},
        {core, 10,
         as_function(+[](Wide t) { return push(nullptr, text_in(nullptr, narrowed(t))); })},
        {core, 11, as_function(+[] { return pop(nullptr); })},
        {domains, 1,
         as_function(+[](const Domain* d, Event e) { ::hexcore_mark(text_of(d, e).c_str()); })},
        {domains, 2, as_function(+[](const Domain* d, Event e) { return start(text_of(d, e)); })},
        {domains, 3, as_function(+[](const Domain*, std::uint64_t range) { end(range); })},
        {domains, 4, as_function(+[](const Domain* d, Event e) { return push(d, text_of(d, e)); })},
        {domains, 5, as_function(&pop)},
        {domains, 10, as_function(+[](const Domain* d, const char* t) {
             return register_text(d, or_empty(t));
         })},
        {domains, 11,
         as_function(+[](const Domain* d, Wide t) { return register_text(d, narrowed(t)); })},
        {domains, 12,
         as_function(+[](const char* name) { return make_domain(std::string(or_empty(name))); })},
        {domains, 13, as_function(+[](Wide name) { return make_domain(narrowed(name)); })},
    };
}

}  // namespace
}  // namespace hexcore

/// NVTX's own name for what a tool's library offers: it is called once by each part of a program
/// that has NVTX in it. Returns 0, after which NVTX does nothing at all, where nobody watches.
extern "C" __attribute__((visibility("default"))) int InitializeInjectionNvtx2(
    hexcore::GetExportTable get_export_table) {
    using namespace hexcore;
    const auto* callbacks = static_cast<const Callbacks*>(get_export_table(callbacks_table));
    if (::hexcore_watched() == 0 || callbacks == nullptr || callbacks->size < sizeof(Callbacks)) {
        return 0;
    }
    keep_registry_over_forks();
    for (const Handler& handler : handlers()) {
        Function** functions = nullptr;
        unsigned count = 0;
        if (callbacks->functions_of(handler.module, &functions, &count) != 0 &&
            handler.number < count && functions[handler.number] != nullptr) {
            *functions[handler.number] = handler.function;
        }
    }
    return 1;
}

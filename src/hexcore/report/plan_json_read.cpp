// Reads a plan document key by key. plan_json.cpp writes it; docs/formats/plan.md specifies it.
#include <cmath>
#include <nlohmann/json.hpp>

#include "hexcore/plan/expert_cache.hpp"
#include "hexcore/plan/limits.hpp"
#include "hexcore/report/placement_json.hpp"
#include "hexcore/report/plan_json.hpp"
#include "hexcore/report/usage_json.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

Result<std::string> text_member(const JsonCursor& cursor, std::string_view key) {
    HEXCORE_TRY(member, cursor.member(key));
    return member.text();
}

Result<std::uint32_t> count_member(const JsonCursor& cursor, std::string_view key) {
    HEXCORE_TRY(member, cursor.member(key));
    return member.count();
}

/// A count that hexcore plan would take as an option too.
Result<std::uint32_t> count_up_to(const JsonCursor& cursor, std::string_view key,
                                  std::uint32_t most) {
    HEXCORE_TRY(member, cursor.member(key));
    HEXCORE_TRY(count, member.count());
    if (count == 0 || count > most) {
        return member.wrong(fmt::format("it must be 1 to {}", most));
    }
    return count;
}

Result<Bytes> bytes_member(const JsonCursor& cursor, std::string_view key) {
    HEXCORE_TRY(member, cursor.member(key));
    return member.bytes();
}

Result<Policy> policy_member(const JsonCursor& cursor) {
    HEXCORE_TRY(member, cursor.member("policy"));
    HEXCORE_TRY(name, member.text());
    const Result<Policy> policy = parse_policy(name);
    return policy ? policy : Result<Policy>(member.wrong(policy.error().message));
}

Result<Basis> read_basis(const JsonCursor& root) {
    HEXCORE_TRY(member, root.member("basis"));
    HEXCORE_TRY(name, member.text());
    if (name != "dry-run" && name != "estimate") {
        return member.wrong("it must be \"dry-run\" or \"estimate\"");
    }
    return name == "dry-run" ? Basis::dry_run : Basis::estimate;
}

Result<void> read_model(const JsonCursor& root, Plan& plan) {
    HEXCORE_TRY(model, root.member("model"));
    HEXCORE_TRY(name, text_member(model, "name"));
    HEXCORE_TRY(architecture, text_member(model, "architecture"));
    HEXCORE_TRY(n_layers, count_member(model, "n_layers"));
    HEXCORE_TRY(n_experts, count_member(model, "n_experts"));
    HEXCORE_TRY(n_experts_used, count_member(model, "n_experts_used"));
    HEXCORE_TRY(total, bytes_member(model, "total_bytes"));
    HEXCORE_TRY(experts, model.member("experts_bytes"));
    HEXCORE_TRY(experts_bytes, experts.bytes());
    if (experts_bytes > total) {
        return experts.wrong(fmt::format("the whole model has only {}", total.count()));
    }
    if (model.has("embedding_bytes")) {
        HEXCORE_TRY(embedding, bytes_member(model, "embedding_bytes"));
        plan.embedding = embedding;
    }
    if (model.has("output_bytes")) {
        HEXCORE_TRY(output, bytes_member(model, "output_bytes"));
        plan.output = output;
    }
    if (n_experts_used > n_experts) {
        HEXCORE_TRY(used, model.member("n_experts_used"));
        return used.wrong(fmt::format("a layer has only {} experts", n_experts));
    }
    plan.model_name = name;
    plan.architecture = architecture;
    plan.n_layers = n_layers;
    plan.n_experts = n_experts;
    plan.n_experts_used = n_experts_used;
    plan.total_bytes = total;
    plan.experts_bytes = experts_bytes;
    return {};
}

Result<std::optional<CacheAbilities>> read_abilities(const JsonCursor& root) {
    HEXCORE_TRY(context, root.member("context"));
    if (!context.has("can")) {
        return std::optional<CacheAbilities>();
    }
    HEXCORE_TRY(can, context.member("can"));
    HEXCORE_TRY(slide, can.member("slide"));
    HEXCORE_TRY(slides, slide.truth());
    HEXCORE_TRY(forget, can.member("forget"));
    HEXCORE_TRY(forget_name, forget.text());
    const Result<Forgetting> forgetting = parse_forgetting(forget_name);
    if (!forgetting) {
        return forget.wrong(forgetting.error().message);
    }
    HEXCORE_TRY(why, text_member(can, "why"));
    return CacheAbilities{.slide = slides, .forget = *forgetting, .why = why};
}

Result<ContextShape> read_context(const JsonCursor& root) {
    ContextShape shape;
    HEXCORE_TRY(context, root.member("context"));
    // libllama pads the share of each sequence to 256 tokens.
    constexpr std::uint32_t most_tokens = max_context_tokens + 256 * max_sequences;
    HEXCORE_TRY(tokens, count_up_to(context, "tokens", most_tokens));
    HEXCORE_TRY(sequences, count_up_to(context, "sequences", max_sequences));
    HEXCORE_TRY(kv_type, context.member("kv_type"));
    HEXCORE_TRY(kv_name, kv_type.text());
    const Result<KvType> type = parse_kv_type(kv_name);
    if (!type) {
        return kv_type.wrong(type.error().message);
    }
    if (context.has("ubatch")) {
        HEXCORE_TRY(ubatch, count_up_to(context, "ubatch", max_ubatch));
        shape.ubatch = TokenCount(ubatch);
    }
    if (context.has("swa_full")) {
        HEXCORE_TRY(full, context.member("swa_full"));
        HEXCORE_TRY(is_full, full.truth());
        shape.swa_full = is_full;
    }
    shape.tokens = TokenCount(tokens);
    shape.sequences = sequences;
    shape.kv_type = *type;
    return shape;
}

/// By its name, with which `kind` must agree where it stands.
Result<DeviceKind> read_kind(const JsonCursor& device) {
    HEXCORE_TRY(name, device.member("name"));
    HEXCORE_TRY(text, name.text());
    const Result<DeviceName> parsed = parse_device_name(text);
    if (!parsed) {
        return name.wrong(parsed.error().message);
    }
    if (device.has("kind")) {
        HEXCORE_TRY(kind, device.member("kind"));
        HEXCORE_TRY(kind_text, kind.text());
        if (kind_text != to_string(parsed->kind)) {
            return kind.wrong(
                fmt::format("a device of the name {} is \"{}\"", text, to_string(parsed->kind)));
        }
    }
    return parsed->kind;
}

/// How many parts the cache of a device has, which must be equal and lie as shards do.
Result<std::uint32_t> read_expert_cache_slots(const JsonCursor& device, Bytes cache) {
    if (cache == Bytes() && !device.has("expert_cache_slots")) {
        return 0U;
    }
    HEXCORE_TRY(member, device.member("expert_cache_slots"));
    HEXCORE_TRY(slots, member.count());
    const std::uint64_t parts = slots * expert_part_alignment.count();
    if (parts == 0 || cache == Bytes() || cache.count() % parts != 0) {
        return member.wrong(
            fmt::format("{} expert_cache_bytes are not so many equal parts, each a multiple of {}",
                        cache.count(), expert_part_alignment.count()));
    }
    return slots;
}

Result<PlannedDevice> read_device(const JsonCursor& cursor) {
    PlannedDevice device;
    HEXCORE_TRY(name, text_member(cursor, "name"));
    HEXCORE_TRY(kind, read_kind(cursor));
    HEXCORE_TRY(budget, bytes_member(cursor, "budget_bytes"));
    HEXCORE_TRY(reserve, cursor.member("reserve_bytes"));
    HEXCORE_TRY(reserve_bytes, reserve.bytes());
    HEXCORE_TRY(layers, count_member(cursor, "layers"));
    HEXCORE_TRY(experts, count_member(cursor, "experts"));
    HEXCORE_TRY(planned, cursor.member("planned"));
    HEXCORE_TRY(usage, usage_from_json(planned));
    if (reserve_bytes > budget) {
        return reserve.wrong(fmt::format("the budget is only {}", budget.count()));
    }
    device.name = name;
    device.kind = kind;
    device.budget = budget;
    device.reserve = reserve_bytes;
    device.layers = layers;
    device.experts = experts;
    device.planned = usage;
    HEXCORE_TRY(slots, read_expert_cache_slots(cursor, usage.expert_cache));
    device.expert_cache_slots = slots;
    HEXCORE_TRY(fill, cursor.member("fill"));
    HEXCORE_TRY(fill_number, fill.number());
    // People round it: the example in the documentation has three digits.
    constexpr double tolerance = 0.001;
    if (std::abs(fill_number - device.fill()) > tolerance) {
        return fill.wrong(fmt::format("planned over budget is {:.6f}", device.fill()));
    }
    return device;
}

Result<std::vector<PlannedDevice>> read_devices(const JsonCursor& root) {
    std::vector<PlannedDevice> devices;
    HEXCORE_TRY(list, root.member("devices"));
    HEXCORE_TRY(cursors, list.elements());
    if (cursors.empty()) {
        return list.wrong("it must name at least one device");
    }
    if (cursors.size() > max_devices) {
        return list.wrong(
            fmt::format("it names {} devices; at most {}", cursors.size(), max_devices));
    }
    for (const JsonCursor& cursor : cursors) {
        HEXCORE_TRY(device, read_device(cursor));
        devices.push_back(std::move(device));
    }
    return devices;
}

Result<void> read_parking(const JsonCursor& root, Plan& plan) {
    if (!root.has("parking")) {
        return {};
    }
    HEXCORE_TRY(parking, root.member("parking"));
    HEXCORE_TRY(memory, bytes_member(parking, "memory_bytes"));
    HEXCORE_TRY(files, bytes_member(parking, "files_bytes"));
    plan.parking = {.memory = memory, .files = files};
    return {};
}

Result<void> read_modelled(const JsonCursor& root, Plan& plan) {
    if (!root.has("modelled")) {
        return {};
    }
    HEXCORE_TRY(list, root.member("modelled"));
    HEXCORE_TRY(entries, list.elements());
    for (const JsonCursor& entry : entries) {
        HEXCORE_TRY(policy, policy_member(entry));
        HEXCORE_TRY(time, entry.member("token_seconds"));
        PolicyTime modelled{policy, {}};
        if (!time.is_null()) {
            HEXCORE_TRY(seconds, time.number());
            modelled.seconds = seconds;
        }
        plan.modelled.push_back(modelled);
    }
    return {};
}

Result<void> read_explanation(const JsonCursor& root, Plan& plan) {
    HEXCORE_TRY(list, root.member("explanation"));
    HEXCORE_TRY(lines, list.elements());
    for (const JsonCursor& line : lines) {
        HEXCORE_TRY(text, line.text());
        plan.explanation.push_back(std::move(text));
    }
    return {};
}

Result<void> check_schema(const JsonCursor& root) {
    HEXCORE_TRY(schema, root.member("schema"));
    HEXCORE_TRY(name, schema.text());
    if (name != "hexcore.plan/1") {
        return schema.wrong("this program reads \"hexcore.plan/1\"");
    }
    return {};
}

Result<Json> parse_plan(std::string_view text) {
    HEXCORE_TRY(document, parse_json(text, "plan"));
    HEXCORE_TRY_VOID(check_schema(JsonCursor(document, "")));
    return document;
}

}  // namespace

Result<Plan> plan_from_json(std::string_view text) {
    auto document = parse_plan(text);
    if (!document) {
        return fail(document.error().code, {{Change::give_plan}}, "{}", document.error().message);
    }
    const JsonCursor root(*document, "");
    Plan plan;
    HEXCORE_TRY(basis, read_basis(root));
    HEXCORE_TRY_VOID(read_model(root, plan));
    HEXCORE_TRY(policy, policy_member(root));
    HEXCORE_TRY(context, read_context(root));
    HEXCORE_TRY(abilities, read_abilities(root));
    HEXCORE_TRY(devices, read_devices(root));
    plan.basis = basis;
    plan.policy = policy;
    plan.context = context;
    plan.cache = abilities;
    plan.devices = std::move(devices);
    HEXCORE_TRY_VOID(read_placement(root, plan));
    if (root.has("host")) {
        HEXCORE_TRY(host, root.member("host"));
        HEXCORE_TRY(planned, host.member("planned"));
        HEXCORE_TRY(usage, usage_from_json(planned));
        plan.host = usage;
    }
    HEXCORE_TRY_VOID(read_parking(root, plan));
    HEXCORE_TRY_VOID(read_modelled(root, plan));
    HEXCORE_TRY_VOID(read_explanation(root, plan));
    return plan;
}

}  // namespace hexcore

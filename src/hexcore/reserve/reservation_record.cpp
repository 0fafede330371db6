#include "hexcore/reserve/reservation_record.hpp"

#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view schema = "hexcore.reservation/1";
constexpr auto number_max = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

/// Takes values out of an object of the document, and keeps the first thing that is wrong.
class Fields {
public:
    explicit Fields(const Json& object) : object_(object) {}

    std::uint64_t number(const char* key, std::uint64_t at_most = number_max) {
        const Json* value = find(key);
        if (value == nullptr || !value->is_number_unsigned() ||
            value->get<std::uint64_t>() > at_most) {
            return wrong(key, "a whole number in its range"), 0;
        }
        return value->get<std::uint64_t>();
    }
    std::uint64_t number_or_none(const char* key, std::uint64_t at_most) {
        return find(key) == nullptr ? 0 : number(key, at_most);
    }
    Bytes bytes(const char* key) { return Bytes(number(key)); }
    std::optional<Bytes> bytes_or_null(const char* key) {
        const Json* value = find(key);
        return value != nullptr && value->is_null() ? std::nullopt : std::optional(bytes(key));
    }
    std::string text(const char* key, std::size_t at_most) {
        const Json* value = find(key);
        if (value == nullptr || !value->is_string() ||
            value->get_ref<const std::string&>().size() > at_most) {
            return wrong(key, "a text that is not too long"), std::string();
        }
        return value->get<std::string>();
    }
    const Json& list(const char* key) {
        static const Json none = Json::array();
        const Json* value = find(key);
        if (value == nullptr || !value->is_array()) {
            return wrong(key, "a list"), none;
        }
        return *value;
    }
    void wrong(const char* key, const char* expected) {
        if (wrong_.empty()) {
            wrong_ = fmt::format("{} is not {}", key, expected);
        }
    }
    [[nodiscard]] const std::string& wrong() const { return wrong_; }

private:
    [[nodiscard]] const Json* find(const char* key) const {
        const auto found = object_.find(key);
        return found == object_.end() ? nullptr : &*found;
    }

    const Json& object_;
    std::string wrong_;
};

tl::unexpected<Error> no_reservation(std::string_view why) {
    return fail(ErrorCode::bad_input, "it is no reservation: {}", why);
}

bool is_listed(const Claim& claim, const DeviceClaim& device) {
    for (const DeviceClaim& other : claim.devices) {
        if (is_same_device(other.name, other.uuid, device.name, device.uuid)) {
            return true;
        }
    }
    return false;
}

Result<Claim> read_claim(Fields& fields) {
    Claim claim;
    claim.host = fields.bytes("host_bytes");
    claim.cores = static_cast<std::uint32_t>(
        fields.number("cores", std::numeric_limits<std::uint32_t>::max()));
    for (const Json& entry : fields.list("devices")) {
        if (!entry.is_object()) {
            return no_reservation("one of the devices is no object");
        }
        Fields of_device(entry);
        DeviceClaim device;
        device.name = of_device.text("name", reservation_name_max);
        device.uuid = of_device.text("uuid", reservation_name_max);
        device.bytes = of_device.bytes("bytes");
        device.used = of_device.bytes("used_bytes");
        if (!of_device.wrong().empty()) {
            return no_reservation("of a device, " + of_device.wrong());
        }
        if (device.name.empty() || is_listed(claim, device)) {
            return no_reservation("a device has no name, or is there twice");
        }
        claim.devices.push_back(std::move(device));
    }
    return claim;
}

}  // namespace

std::string reservation_json(const ReservationRecord& record) {
    Json devices = Json::array();
    for (const DeviceClaim& device : record.claim.devices) {
        devices.push_back({{"name", device.name},
                           {"uuid", device.uuid},
                           {"bytes", device.bytes.count()},
                           {"used_bytes", device.used.count()}});
    }
    const Json document{
        {"schema", schema},
        {"pid", record.pid},
        {"start", record.start},
        {"pid_namespace", record.pid_namespace},
        {"name", record.name},
        {"state", record.state == ReservationState::held ? "held" : "waiting"},
        {"ticket", record.ticket},
        {"within", record.within},
        {"host_bytes", record.claim.host.count()},
        {"used_host_bytes", record.host_used ? Json(record.host_used->count()) : Json(nullptr)},
        {"host_base_bytes", record.host_base.count()},
        {"devices", std::move(devices)},
        {"cores", record.claim.cores},
        {"cores_wanted", record.cores_wanted}};
    return document.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<ReservationRecord> read_reservation(std::string_view text) {
    if (text.size() > reservation_bytes_max) {
        return no_reservation("it is longer than 64 KiB");
    }
    const Json document = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!document.is_object()) {
        return no_reservation("it is no JSON object");
    }
    Fields fields(document);
    if (fields.text("schema", schema.size()) != schema) {
        return no_reservation("its schema is another");
    }
    ReservationRecord record;
    constexpr auto pid_max = static_cast<std::uint64_t>(std::numeric_limits<std::int32_t>::max());
    record.pid = static_cast<std::uint32_t>(fields.number("pid", pid_max));
    record.start = fields.number("start");
    record.pid_namespace = fields.number("pid_namespace");
    record.name = fields.text("name", reservation_name_max);
    const std::string state = fields.text("state", reservation_name_max);
    record.state = state == "waiting" ? ReservationState::waiting : ReservationState::held;
    record.ticket = fields.number("ticket");
    record.within = fields.text("within", reservation_name_max);
    record.host_used = fields.bytes_or_null("used_host_bytes");
    record.host_base = fields.bytes("host_base_bytes");
    record.cores_wanted = static_cast<std::uint32_t>(
        fields.number_or_none("cores_wanted", std::numeric_limits<std::uint32_t>::max()));
    HEXCORE_TRY(claim, read_claim(fields));
    record.claim = std::move(claim);
    if (!fields.wrong().empty()) {
        return no_reservation(fields.wrong());
    }
    if (record.pid == 0 || record.name.empty() || (state != "held" && state != "waiting")) {
        return no_reservation("its pid, name or state says nothing");
    }
    return record;
}

}  // namespace hexcore

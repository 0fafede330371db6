#include "hexcore/assistant/gate_file.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "hexcore/base/text_file.hpp"

namespace hexcore {
namespace {

constexpr const char* gate_schema = "hexcore.gate/1";
constexpr double most_of_a_gate = 1e6;

}  // namespace

Result<std::vector<float>> read_gate(const std::filesystem::path& file) {
    const std::string name = file.string();
    HEXCORE_TRY(text, read_text_file(name, name));
    const auto refuse = [&](const char* why) {
        return fail(ErrorCode::bad_input, "{}: {}", name, why);
    };
    const auto document = nlohmann::json::parse(text, nullptr, false);
    if (!document.is_object()) {
        return refuse("it is no gate, which is a JSON object");
    }
    if (document.value("schema", nlohmann::json()) != gate_schema) {
        return refuse("it is no gate: its schema is not hexcore.gate/1");
    }
    const auto values = document.value("values", nlohmann::json());
    if (document.size() != 2 || !values.is_array() || values.empty()) {
        return refuse("a gate has the keys schema and values, a list of numbers");
    }
    std::vector<float> gate;
    for (const nlohmann::json& value : values) {
        if (!value.is_number() || !(std::abs(value.get<double>()) <= most_of_a_gate)) {
            return fail(ErrorCode::bad_input, "{}: value {} of the gate is no number up to {}",
                        name, gate.size() + 1, most_of_a_gate);
        }
        gate.push_back(value.get<float>());
    }
    return gate;
}

}  // namespace hexcore

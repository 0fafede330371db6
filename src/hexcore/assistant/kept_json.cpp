#include "hexcore/assistant/kept_json.hpp"

#include <system_error>

#include "hexcore/base/private_file.hpp"
#include "hexcore/base/text_file.hpp"

namespace hexcore {

nlohmann::json read_kept_json(const std::filesystem::path& file, const std::string& schema,
                              const std::string& key) {
    const auto text = read_text_file(file.string(), file.string());
    auto document = text ? nlohmann::json::parse(*text, nullptr, false) : nlohmann::json();
    const auto has = [&document](const char* name, const std::string& value) {
        const auto found = document.find(name);
        return found != document.end() && *found == value;
    };
    return document.is_object() && has("schema", schema) && has("key", key) ? document
                                                                            : nlohmann::json();
}

Result<void> write_kept_json(const std::filesystem::path& file,
                             const nlohmann::ordered_json& document) {
    const std::string text =
        document.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
    std::error_code error;
    std::filesystem::create_directories(file.parent_path(), error);
    return write_private_file(file, text, Durability::process);
}

}  // namespace hexcore

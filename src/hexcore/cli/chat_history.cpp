#include "hexcore/cli/chat_history.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <system_error>
#include <utility>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/base/private_file.hpp"
#include "hexcore/base/state_home.hpp"

namespace hexcore {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::size_t texts_max = 1000;
constexpr std::size_t bytes_max = 1024 * 1024;

std::string line_of(const std::string& text) {
    return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

/// Leaves the newest that are within the limits.
void limit(std::vector<std::string>& texts) {
    std::size_t kept = 0;
    std::size_t bytes = 0;
    while (kept < texts.size() && kept < texts_max) {
        bytes += line_of(texts[texts.size() - kept - 1]).size();
        if (bytes > bytes_max) {
            break;
        }
        ++kept;
    }
    texts.erase(texts.begin(), texts.end() - static_cast<std::ptrdiff_t>(kept));
}

bool write_whole(const FileDescriptor& file, const std::string& text) {
    return ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

}  // namespace

fs::path default_history_file() {
    const fs::path state = state_home();
    return state.empty() ? fs::path() : state / "history";
}

ChatHistory::ChatHistory(fs::path file) : file_(std::move(file)) { read(); }

void ChatHistory::read() {
    std::error_code error;
    if (!fs::is_regular_file(file_, error)) {  // a pipe would be waited for
        return;
    }
    std::ifstream file(file_);
    for (std::string line; std::getline(file, line);) {
        const Json text = Json::parse(line, nullptr, false);
        if (text.is_string()) {
            texts_.push_back(text.get<std::string>());
        }
    }
    const std::size_t before = texts_.size();
    limit(texts_);
    if (texts_.size() < before) {
        rewrite();
    }
}

void ChatHistory::add(const std::string& text) {
    const bool is_blank = text.find_first_not_of(" \t\n") == std::string::npos;
    if (is_blank || text[0] == ' ' || (!texts_.empty() && texts_.back() == text)) {
        return;
    }
    texts_.push_back(text);
    append(text);
}

std::optional<std::size_t> ChatHistory::find(std::string_view part, std::size_t behind) const {
    for (std::size_t number = behind + 1; number <= size(); ++number) {
        if (text(number).find(part) != std::string::npos) {
            return number;
        }
    }
    return {};
}

void ChatHistory::append(const std::string& text) const {
    const std::string line = line_of(text);
    if (file_.empty() || line.size() > bytes_max) {
        return;
    }
    std::error_code error;
    fs::create_directories(file_.parent_path(), error);
    const FileDescriptor file(
        ::open(file_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600));
    struct stat facts {};
    if (!file.is_open() || ::fstat(file.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) {
        return;
    }
    (void)::fchmod(file.get(), 0600);
    (void)write_whole(file, line);
    if (static_cast<std::size_t>(facts.st_size) + line.size() > 2 * bytes_max) {
        const ChatHistory shortened(file_);  // by reading it
    }
}

/// Beside it and renamed: two chats at once may lose a text, but never the file.
void ChatHistory::rewrite() const {
    std::string lines;
    for (const std::string& text : texts_) {
        lines += line_of(text);
    }
    (void)write_private_file(file_, lines);
}

}  // namespace hexcore

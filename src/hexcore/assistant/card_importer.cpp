// MTGJSON's documents, read as a stream: AtomicCards is 120 MB, AllPrintings half a gigabyte, and
// of either only one card is in memory at a time, beside what says which cards there were.

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "hexcore/assistant/card_names.hpp"
#include "hexcore/assistant/knowledge_import.hpp"
#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/base/printable.hpp"

namespace hexcore {
namespace {

// A card's longest text has a kilobyte, its rulings some ten.
constexpr std::size_t string_bytes_max = std::size_t{1} << 20U;
constexpr std::size_t card_bytes_max = std::size_t{1} << 20U;
constexpr std::size_t cards_max = 1'000'000;

/// The bytes of a file, for the parser, which keeps a whole text or number in memory: the file
/// seems to end in one that is too long.
class JsonBytes {
public:
    explicit JsonBytes(const FileDescriptor& file) : file_(file) { advance(); }

    [[nodiscard]] bool ended() const { return ended_; }
    [[nodiscard]] bool too_long() const { return token_ > string_bytes_max; }
    [[nodiscard]] int error() const { return error_; }
    [[nodiscard]] char current() const { return current_; }

    void advance() {
        if (at_ == size_) {
            const ssize_t count = file_.read(buffer_.data(), buffer_.size());
            error_ = count < 0 ? errno : 0;
            if (count <= 0) {
                ended_ = true;
                return;
            }
            at_ = 0;
            size_ = static_cast<std::size_t>(count);
        }
        current_ = buffer_[at_++];
        follow(current_);
        ended_ = too_long();
    }

private:
    void follow(char byte) {
        token_ += 1;
        if (in_string_) {
            in_string_ = escaped_ || byte != '"';
            escaped_ = !escaped_ && byte == '\\';
            return;
        }
        constexpr std::string_view between = "{}[],: \n\r\t";
        if (byte == '"') {
            in_string_ = true;
            escaped_ = false;
            token_ = 0;
        } else if (between.find(byte) != std::string_view::npos) {
            token_ = 0;
        }
    }

    const FileDescriptor& file_;
    std::array<char, 65536> buffer_{};
    std::size_t at_ = 0;
    std::size_t size_ = 0;
    std::size_t token_ = 0;  ///< bytes of the text or number so far
    char current_ = 0;
    bool in_string_ = false;
    bool escaped_ = false;
    bool ended_ = false;
    int error_ = 0;
};

/// Two of them are equal at the end alone.
class JsonByteIterator {
public:
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = char;

    JsonByteIterator() = default;
    explicit JsonByteIterator(JsonBytes& bytes) : bytes_(&bytes) {}
    char operator*() const { return bytes_->current(); }
    JsonByteIterator& operator++() {
        bytes_->advance();
        return *this;
    }
    JsonByteIterator operator++(int) {
        JsonByteIterator before = *this;
        ++*this;
        return before;
    }
    bool operator==(const JsonByteIterator& other) const { return is_end() == other.is_end(); }

private:
    [[nodiscard]] bool is_end() const { return bytes_ == nullptr || bytes_->ended(); }
    JsonBytes* bytes_ = nullptr;
};

struct ReadCard {
    std::string name, face, side, mana, type, text, power, toughness, loyalty, defense, language;
    std::vector<std::string> rulings;
    std::size_t bytes = 0;

    [[nodiscard]] std::string* field(std::string_view key) {
        const std::array<std::pair<std::string_view, std::string*>, 11> fields{
            {{"name", &name},
             {"faceName", &face},
             {"side", &side},
             {"manaCost", &mana},
             {"type", &type},
             {"text", &text},
             {"power", &power},
             {"toughness", &toughness},
             {"loyalty", &loyalty},
             {"defense", &defense},
             {"language", &language}}};
        for (const auto& [name_of_field, value] : fields) {
            if (key == name_of_field) {
                return value;
            }
        }
        return nullptr;
    }
};

/// A name on one line: it is put into prompts between brackets.
std::string one_line(std::string_view text) { return printable(text); }

/// What a card is in a prompt.
std::string card_body(const ReadCard& card) {
    std::string body = one_line(card.mana);
    const auto add = [&](const std::string& part) {
        body += body.empty() || part.empty() ? part : " " + part;
    };
    add(one_line(card.type));
    if (!card.power.empty() || !card.toughness.empty()) {
        add(one_line(card.power) + "/" + one_line(card.toughness));
    }
    if (!card.loyalty.empty()) {
        add("loyalty " + one_line(card.loyalty));
    }
    if (!card.defense.empty()) {
        add("defense " + one_line(card.defense));
    }
    std::string text = card.text;
    std::replace(text.begin(), text.end(), '\n', ' ');
    if (!text.empty()) {
        body += (body.empty() ? "" : ". ") + one_line(text);
    }
    return body;
}

/// Takes cards out of a document as it goes by: elements of the lists `data.NAME` (AtomicCards),
/// `data.SET.cards` (AllPrintings) and `data.cards` (a set).
class CardSink : public nlohmann::json_sax<nlohmann::json> {
public:
    CardSink(KnowledgeWriter& into, const std::atomic<bool>* stop) : into_(into), stop_(stop) {}

    [[nodiscard]] const std::optional<Error>& error() const { return error_; }
    [[nodiscard]] const std::string& syntax() const { return syntax_; }
    [[nodiscard]] CardNames& names() { return names_; }

    bool null() override { return true; }
    bool boolean(bool /*value*/) override { return true; }
    bool number_integer(number_integer_t value) override { return take(fmt::format("{}", value)); }
    bool number_unsigned(number_unsigned_t value) override {
        return take(fmt::format("{}", value));
    }
    bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return true; }
    bool string(string_t& value) override { return take(value); }
    bool binary(binary_t& /*value*/) override { return true; }
    bool key(string_t& value) override {
        if (depth_ < keys_.size()) {
            keys_[depth_] = std::move(value);
        }
        return true;
    }
    bool start_object(std::size_t /*elements*/) override {
        open('{');
        if (card_depth_ == 0 && begins_card()) {
            card_depth_ = depth_;
            card_ = {};
        }
        return true;
    }
    bool start_array(std::size_t /*elements*/) override {
        open('[');
        return true;
    }
    bool end_array() override {
        depth_ -= 1;
        return true;
    }
    bool end_object() override {
        const bool ends_card = depth_ == card_depth_;
        depth_ -= 1;
        if (!ends_card) {
            return true;
        }
        card_depth_ = 0;
        auto kept = keep();
        if (!kept) {
            error_ = std::move(kept.error());
        }
        return !error_;
    }
    bool parse_error(std::size_t /*position*/, const std::string& /*token*/,
                     const nlohmann::json::exception& error) override {
        syntax_ = error.what();
        return false;
    }

private:
    void open(char kind) {
        if (depth_ < kinds_.size()) {
            kinds_[depth_] = kind;
        }
        depth_ += 1;
        if (depth_ < keys_.size()) {
            keys_[depth_].clear();
        }
    }

    [[nodiscard]] bool begins_card() const {
        const std::string_view kinds(kinds_.data(), std::min(depth_, kinds_.size()));
        return keys_[1] == "data" && (kinds == "{{[{" || (kinds == "{{{[{" && keys_[3] == "cards"));
    }

    bool take(const std::string& value) {
        if (card_depth_ == 0 || card_.bytes + value.size() > card_bytes_max) {
            return true;
        }
        if (depth_ == card_depth_) {
            if (std::string* field = card_.field(keys_[depth_])) {
                *field = value;
                card_.bytes += value.size();
            }
        } else if (depth_ == card_depth_ + 2 && keys_[card_depth_] == "rulings" &&
                   keys_[depth_] == "text") {
            card_.rulings.push_back(value);
            card_.bytes += value.size();
        }
        return true;
    }

    Result<void> keep() {
        if (stop_ != nullptr && stop_->load()) {
            return fail(ErrorCode::interrupted, "interrupted");
        }
        // In `data` of a set are also tokens and products, in lists beside that of the cards.
        const bool is_of_set = card_.name != keys_[2] && keys_[2] != "cards" && kinds_[2] == '[';
        const bool is_foreign = !card_.language.empty() && card_.language != "English";
        if (card_.name.empty() || card_.type.empty() || is_of_set || is_foreign) {
            return {};
        }
        const std::string id = one_line(card_.name) + (card_.side.empty() ? "" : "/" + card_.side);
        if (!seen_.insert(id).second) {
            return {};
        }
        if (seen_.size() > cards_max) {
            return fail(ErrorCode::bad_input, "there are more than {} cards", cards_max);
        }
        const std::string title =
            card_.face.empty() || card_.face == card_.name
                ? one_line(card_.name)
                : fmt::format("{}, of {}", one_line(card_.face), one_line(card_.name));
        const std::string body = card_body(card_);
        HEXCORE_TRY(passage, into_.add({.id = id, .title = title, .body = body}));
        names_.count_words(card_.text);
        names_.add(passage, one_line(card_.name));
        if (!card_.face.empty() && card_.face != card_.name) {
            names_.add(passage, one_line(card_.face));
        }
        for (std::size_t ruling = 0; ruling < card_.rulings.size(); ++ruling) {
            std::replace(card_.rulings[ruling].begin(), card_.rulings[ruling].end(), '\n', ' ');
            HEXCORE_TRY_VOID(
                into_.add_note(passage, {.id = fmt::format("{} ruling {}", id, ruling + 1),
                                         .title = title,
                                         .body = one_line(card_.rulings[ruling])}));
        }
        return {};
    }

    KnowledgeWriter& into_;
    const std::atomic<bool>* stop_;
    std::size_t depth_ = 0;  ///< lists and objects that are open
    std::size_t card_depth_ = 0;
    std::array<char, 8> kinds_{};
    std::array<std::string, 10> keys_;  ///< the last one in each open object
    ReadCard card_;
    std::unordered_set<std::string> seen_;
    CardNames names_;
    std::optional<Error> error_;
    std::string syntax_;
};

}  // namespace

Result<void> import_cards(const KnowledgeImport& what, KnowledgeWriter& into) {
    const std::string source = what.source.string();
    const FileDescriptor file(::open(what.source.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file.is_open()) {
        return fail(ErrorCode::bad_input, "{} cannot be read: {}", source,
                    std::strerror(file.open_error()));
    }
    JsonBytes bytes(file);
    CardSink sink(into, what.stop);
    const bool read = nlohmann::json::sax_parse(JsonByteIterator(bytes), JsonByteIterator(), &sink);
    if (sink.error()) {
        return tl::unexpected(*sink.error());
    }
    if (bytes.error() != 0) {
        return fail(ErrorCode::bad_input, "{} cannot be read: {}", source,
                    std::strerror(bytes.error()));
    }
    if (bytes.too_long()) {
        return fail(ErrorCode::bad_input, "{} has a text of more than {} bytes, which no card has",
                    source, string_bytes_max);
    }
    if (!read) {
        constexpr std::size_t longest = 200;
        return fail(ErrorCode::bad_input, "{} is no JSON: {}", source,
                    shortened(sink.syntax(), longest));
    }
    return sink.names().write(into);
}

}  // namespace hexcore

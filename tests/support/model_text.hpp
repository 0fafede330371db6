#pragma once

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/check.hpp"
#include "hexcore/plan/facts.hpp"

namespace hexcore::test {

namespace detail {

/// Cuts words off the front of a text. Words end at blanks, brackets and semicolons; each of
/// `(`, `)` and `;` is a word of its own.
class Words {
public:
    explicit Words(std::string_view text) : text_(text), rest_(text) {}

    std::string_view peek() const {
        const std::string_view rest = trimmed();
        if (rest.empty() || std::string_view("();").find(rest[0]) != std::string_view::npos) {
            return rest.substr(0, 1);
        }
        return rest.substr(0, rest.find_first_of(" \n();"));
    }
    std::string_view next() {
        const std::string_view word = peek();
        HEXCORE_CHECK(!word.empty(), "model text ends too early", text_);
        rest_ = trimmed().substr(word.size());
        return word;
    }
    Bytes next_bytes() {
        const std::string_view word = next();
        const Result<Bytes> size = parse_bytes(word);
        HEXCORE_CHECK(size.has_value(), word, text_);
        return *size;
    }
    std::uint32_t number(std::string_view digits) const {
        std::uint32_t value = 0;
        const char* end = digits.data() + digits.size();
        const auto [stop, error] = std::from_chars(digits.data(), end, value);
        HEXCORE_CHECK(error == std::errc() && stop == end, digits, text_);
        return value;
    }
    void expect(std::string_view wanted) {
        const std::string_view word = next();
        HEXCORE_CHECK(word == wanted, word, text_);
    }
    [[noreturn]] void unknown(std::string_view word) const {
        HEXCORE_CHECK(false, word, text_);
        std::abort();
    }

private:
    std::string_view trimmed() const {
        const std::size_t start = rest_.find_first_not_of(" \n");
        return start == std::string_view::npos ? std::string_view() : rest_.substr(start);
    }
    std::string_view text_;
    std::string_view rest_;
};

/// Reads one property of a layer into `layer`; `word` is its first word.
inline void read_layer_word(Words& words, std::string_view word, LayerFacts& layer) {
    if (word == "attn") {
        layer.weights = words.next_bytes();
    } else if (word == "kv") {
        layer.kv = words.next_bytes();
    } else if (word.substr(0, 7) == "expert*") {
        layer.n_experts = words.number(word.substr(7));
        layer.expert = words.next_bytes();
    } else {
        words.unknown(word);
    }
}

}  // namespace detail

/// Builds a model for placement from a line of text, for tests:
///
///     3x(attn 100MiB kv 10MiB expert*8 90MiB); 1x(attn 100MiB); output 50MiB; input 50MiB; used 2
///
/// `(...)` is a layer and `Nx(...)` N equal ones: `attn` all weights but the routed experts, `kv`
/// its KV cache, `expert*N` N experts of that size each. Layer properties outside brackets describe
/// one layer together, so `attn 2GiB; expert*8 1GiB` is a model of one layer. `input`, `output` and
/// `used` (experts for each token, by default 2 or as many as there are) belong to the model.
/// What is not named is zero. A text that is not of this form stops the program.
inline ModelFacts model_from_text(std::string_view text) {
    ModelFacts model;
    model.name = std::string(text);
    model.architecture = "llama";
    bool used_given = false;
    bool layer_open = false;  // bare layer properties add to the last layer
    detail::Words words(text);
    while (!words.peek().empty()) {
        const std::string_view word = words.next();
        if (word == ";") {
            continue;
        }
        if (word == "input") {
            model.input = words.next_bytes();
        } else if (word == "output") {
            model.output = words.next_bytes();
        } else if (word == "used") {
            model.n_experts_used = words.number(words.next());
            used_given = true;
        } else if (word == "(" || word.back() == 'x') {
            std::uint32_t repeat = 1;
            if (word != "(") {
                repeat = words.number(word.substr(0, word.size() - 1));
                words.expect("(");
            }
            LayerFacts layer;
            while (words.peek() != ")") {
                detail::read_layer_word(words, words.next(), layer);
            }
            words.expect(")");
            model.layers.insert(model.layers.end(), repeat, layer);
            layer_open = false;
        } else {
            if (!layer_open) {
                model.layers.emplace_back();
                layer_open = true;
            }
            detail::read_layer_word(words, word, model.layers.back());
        }
    }
    for (const LayerFacts& layer : model.layers) {
        model.n_experts = std::max(model.n_experts, layer.n_experts);
    }
    if (!used_given) {
        model.n_experts_used = std::min(2U, model.n_experts);
    }
    return model;
}

}  // namespace hexcore::test

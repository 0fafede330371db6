#include "hexcore/session/session_header.hpp"

#include <limits>
#include <nlohmann/json.hpp>
#include <vector>

#include "hexcore/report/json_cursor.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

Json identity_json(const StateIdentity& identity) {
    return {{"model", identity.model},
            {"architecture", identity.architecture},
            {"file_bytes", identity.file_bytes},
            {"modified_ns", identity.modified_ns},
            {"adapters", identity.adapters},
            {"kv_type", identity.kv_type},
            {"session_tokens", identity.session_tokens}};
}

Json pieces_json(const ComputedPieces& pieces) {
    return {{"tokens", pieces.piece},
            {"ends", pieces.ends},
            {"fixed", pieces.fixed},
            {"fixed_shared", pieces.fixed_shared}};
}

Result<std::vector<std::string>> texts(const JsonCursor& list) {
    std::vector<std::string> result;
    HEXCORE_TRY(elements, list.elements());
    for (const JsonCursor& element : elements) {
        HEXCORE_TRY(text, element.text());
        result.push_back(std::move(text));
    }
    return result;
}

Result<std::vector<std::uint64_t>> sizes(const JsonCursor& list) {
    std::vector<std::uint64_t> result;
    HEXCORE_TRY(elements, list.elements());
    for (const JsonCursor& element : elements) {
        HEXCORE_TRY(bytes, element.bytes());
        result.push_back(bytes.count());
    }
    return result;
}

Result<std::string> text_at(const JsonCursor& cursor, std::string_view key) {
    HEXCORE_TRY(member, cursor.member(key));
    return member.text();
}

Result<StateIdentity> identity_from(const JsonCursor& cursor) {
    StateIdentity identity;
    HEXCORE_TRY(model, text_at(cursor, "model"));
    HEXCORE_TRY(architecture, text_at(cursor, "architecture"));
    HEXCORE_TRY(kv_type, text_at(cursor, "kv_type"));
    HEXCORE_TRY(session, cursor.member("session_tokens"));
    HEXCORE_TRY(session_tokens, session.count());
    HEXCORE_TRY(file_bytes, cursor.member("file_bytes"));
    HEXCORE_TRY(sizes_of_files, sizes(file_bytes));
    HEXCORE_TRY(modified, cursor.member("modified_ns"));
    HEXCORE_TRY(times, texts(modified));
    HEXCORE_TRY(adapters, cursor.member("adapters"));
    HEXCORE_TRY(adapter_names, texts(adapters));
    return StateIdentity{std::move(model), std::move(architecture),  std::move(sizes_of_files),
                         std::move(times), std::move(adapter_names), std::move(kv_type),
                         session_tokens};
}

Result<std::uint32_t> count_at(const JsonCursor& cursor, std::string_view key, std::uint32_t most) {
    HEXCORE_TRY(member, cursor.member(key));
    HEXCORE_TRY(count, member.count());
    if (count > most) {
        return member.wrong(fmt::format("it can be at most {}", most));
    }
    return count;
}

Result<ComputedPieces> pieces_from(const JsonCursor& cursor, const SessionHeader& header) {
    ComputedPieces pieces;
    HEXCORE_TRY(piece, count_at(cursor, "tokens", std::numeric_limits<std::uint32_t>::max()));
    HEXCORE_TRY(fixed, count_at(cursor, "fixed", header.cells));
    HEXCORE_TRY(shared, count_at(cursor, "fixed_shared", header.n_tokens));
    HEXCORE_TRY(list, cursor.member("ends"));
    HEXCORE_TRY(ends, list.elements());
    for (const JsonCursor& element : ends) {
        HEXCORE_TRY(end, element.count());
        if (end > header.n_tokens || (!pieces.ends.empty() && end <= pieces.ends.back())) {
            return element.wrong("ends rise, up to the number of tokens");
        }
        pieces.ends.push_back(end);
    }
    pieces.piece = piece;
    pieces.fixed = fixed;
    pieces.fixed_shared = shared;
    return pieces;
}

}  // namespace

std::string SessionHeader::text() const {
    return Json{{"identity", identity_json(identity)},
                {"note", note},
                {"tokens", n_tokens},
                {"cells", cells},
                {"state_bytes", state_bytes},
                {"tokens_xxh3", tokens_checksum},
                {"state_xxh3", state_checksum},
                {"pieces", pieces_json(pieces)}}
        .dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<SessionHeader> SessionHeader::from(std::string_view text) {
    HEXCORE_TRY(json, parse_json(text, "header"));
    const JsonCursor cursor(json, "");
    SessionHeader header;
    HEXCORE_TRY(identity_cursor, cursor.member("identity"));
    HEXCORE_TRY(identity, identity_from(identity_cursor));
    HEXCORE_TRY(note, text_at(cursor, "note"));
    HEXCORE_TRY(n_tokens, count_at(cursor, "tokens", std::numeric_limits<std::uint32_t>::max()));
    HEXCORE_TRY(cells, count_at(cursor, "cells", n_tokens));
    HEXCORE_TRY(state, cursor.member("state_bytes"));
    HEXCORE_TRY(state_bytes, state.bytes());
    HEXCORE_TRY(tokens_checksum, text_at(cursor, "tokens_xxh3"));
    HEXCORE_TRY(state_checksum, text_at(cursor, "state_xxh3"));
    header.identity = std::move(identity);
    header.note = std::move(note);
    header.n_tokens = n_tokens;
    header.cells = cells;
    header.state_bytes = state_bytes.count();
    header.tokens_checksum = std::move(tokens_checksum);
    header.state_checksum = std::move(state_checksum);
    if (cursor.has("pieces")) {
        HEXCORE_TRY(pieces_cursor, cursor.member("pieces"));
        HEXCORE_TRY(pieces, pieces_from(pieces_cursor, header));
        header.pieces = std::move(pieces);
    }
    return header;
}

}  // namespace hexcore

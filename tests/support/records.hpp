#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "hexcore/recording/record_decoder.hpp"
#include "support/recordings.hpp"

namespace hexcore::test {

/// Records as one chunk, without packing.
class Records {
public:
    Records& add(RecordKind kind, const RecordWriter& fields) {
        return add_unknown(static_cast<std::uint64_t>(kind), fields.bytes());
    }
    Records& add_unknown(std::uint64_t kind, std::string_view fields) {
        RecordWriter frame;
        frame.number(kind);
        frame.text(fields);
        bytes_ += frame.bytes();
        return *this;
    }
    Records& run() {
        RecordWriter fields;
        fields.text("w");
        for (int i = 0; i < 4; ++i) {
            fields.number(0);
        }
        return add(RecordKind::run, fields);
    }
    Records& device(std::uint64_t unit = 1) {
        RecordWriter fields;
        fields.number(0);
        fields.number(0);
        fields.text("host");
        fields.text("");
        fields.number(unit);
        fields.number(1000);
        return add(RecordKind::device, fields);
    }
    Records& process(std::uint64_t number) {
        RecordWriter fields;
        fields.number(number);
        fields.number(7);
        fields.text("p");
        return add(RecordKind::process, fields);
    }
    Records& row(std::int64_t time, std::uint64_t device, std::uint64_t process,
                 std::int64_t change) {
        RecordWriter fields;
        fields.signed_number(time);
        fields.number(device);
        fields.number(0);
        fields.signed_number(0);
        fields.number(0);
        fields.number(1);
        fields.number(process);
        fields.signed_number(change);
        return add(RecordKind::row, fields);
    }
    /// Of a kind whose fields are all varints; a signed one is twice what it is.
    Records& numbers(RecordKind kind, std::initializer_list<std::uint64_t> fields) {
        RecordWriter writer;
        for (const std::uint64_t field : fields) {
            writer.number(field);
        }
        return add(kind, writer);
    }
    Records& text(std::uint64_t number, std::string_view text) {
        RecordWriter fields;
        fields.number(number);
        fields.text(text);
        return add(RecordKind::text, fields);
    }
    Records& holder(std::uint64_t number, std::uint64_t process) {
        RecordWriter fields;
        fields.number(number);
        fields.number(process);
        fields.number(0);
        fields.text("host0");
        fields.number(0);
        return add(RecordKind::holder, fields);
    }
    [[nodiscard]] bool decodes(KeptRecords& kept) const {
        RecordDecoder decoder(kept);
        return decoder.chunk(bytes_);
    }
    [[nodiscard]] bool decodes() const {
        KeptRecords kept;
        return decodes(kept);
    }

private:
    std::string bytes_;
};

}  // namespace hexcore::test

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/recording/recording.hpp"
#include "hexcore/recording/row_code.hpp"
#include "hexcore/recording/thinning.hpp"

namespace hexcore {

/// Writes a recording as docs/formats/recording.md has it. Once writing fails, what is there stays
/// as it is and nothing follows: whoever watches goes on. For one thread at a time.
class RecordingWriter : public RecordSink {
public:
    /// Takes over an empty file that can be written. Fails with ErrorCode::does_not_fit only where
    /// zstd gets no memory.
    [[nodiscard]] static Result<std::unique_ptr<RecordingWriter>> make(FileDescriptor file);
    ~RecordingWriter() override;

    void run(const RecordedRun& run) override;
    void device(const RecordedDevice& device) override;
    void row(const RecordedRow& row) override;
    /// Does nothing: it thins by itself.
    void thinned(RecordedTime from, std::chrono::microseconds bucket) override;
    void end(const RecordedEnd& end) override;

    /// How many bytes the file has.
    [[nodiscard]] std::uint64_t size() const { return size_; }
    /// Why it ends before the end; empty: it does not.
    [[nodiscard]] const std::string& problem() const { return problem_; }

private:
    struct Packer;
    RecordingWriter(FileDescriptor file, std::unique_ptr<Packer> packer);
    void keep(const RecordedRow& row);
    void tell_device(std::uint32_t number);
    void tell_processes(const RecordedRow& row);
    void thin_further(RecordedTime now);
    void add_record(RecordKind kind);
    void extend_chunk(RecordedTime time);
    void write_chunk();
    void write(std::string_view bytes);

    FileDescriptor file_;
    std::unique_ptr<Packer> packer_;
    std::uint64_t size_ = 0;
    std::string problem_;
    std::chrono::microseconds interval_{};
    Thinning thinning_;
    RowEncoder encoder_;
    RecordWriter fields_;  ///< of the record that is being made
    RecordWriter frame_;
    std::string plain_;  ///< the chunk that is being made
    std::uint32_t n_records_ = 0;
    bool has_time_ = false;
    RecordedTime begun_{};  ///< when the chunk was
    RecordedTime first_{};
    RecordedTime last_{};
    struct Device {
        std::optional<RecordedDevice> device;
        bool told = false;  ///< in this chunk
    };
    std::array<Device, recorded_devices_max> devices_;
    std::unordered_map<std::uint64_t, ProcessRef> told_;  ///< in this chunk
};

}  // namespace hexcore

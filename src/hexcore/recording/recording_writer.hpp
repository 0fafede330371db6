#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/recording/recording.hpp"
#include "hexcore/recording/row_code.hpp"
#include "hexcore/recording/thinning.hpp"
#include "hexcore/recording/told_code.hpp"
#include "hexcore/recording/told_sums.hpp"

namespace hexcore {

/// Writes a recording as docs/formats/recording.md has it. Once writing fails, what is there stays
/// as it is and nothing follows: whoever watches goes on. For one thread at a time.
class RecordingWriter : public RecordSink {
public:
    /// Takes over a file that can be written. What is in it is there until there is something to
    /// record. Fails with ErrorCode::does_not_fit only where zstd gets no memory.
    [[nodiscard]] static Result<std::unique_ptr<RecordingWriter>> make(FileDescriptor file);
    ~RecordingWriter() override;

    void run(const RecordedRun& run) override;
    void device(const RecordedDevice& device) override;
    void row(const RecordedRow& row) override;
    /// Does nothing: it thins by itself.
    void thinned(RecordedTime from, std::chrono::microseconds bucket) override;
    void end(const RecordedEnd& end) override;

    void amounts(const RecordedAmounts& amounts) override;
    void event(const RecordedEvent& event) override;
    void label(const RecordedLabel& label) override;
    void mark(const RecordedMark& mark) override;
    void lost(const RecordedLoss& loss) override;
    void counted_once(const RecordedCountedOnce& counted) override;
    // These do nothing: it sums by itself.
    void site(const RecordedSiteSum& sum) override;
    void label_sum(const RecordedLabelSum& sum) override;
    void summed(RecordedTime from, SummedPart part) override;

    /// Writes what it has, but for rows that wait for the end of their bucket. Costs a chunk.
    void flush() { write_chunk(); }
    /// How many bytes the file has.
    [[nodiscard]] std::uint64_t size() const { return size_; }
    /// Why it ends before the end; empty: it does not.
    [[nodiscard]] const std::string& problem() const { return problem_; }

private:
    struct Packer;
    /// What has its own bound in the file.
    enum class Part : std::uint8_t { rows, events, labels, sums };
    static constexpr std::size_t n_parts = 4;
    template <typename T>
    using PerPart = std::array<T, n_parts>;

    RecordingWriter(FileDescriptor file, std::unique_ptr<Packer> packer);
    void keep(const RecordedRow& row);
    void tell_device(std::uint32_t number);
    void thin_further(RecordedTime now);
    /// What `encode` adds to the chunk is of that part. A chunk that is full is written before.
    template <typename Encoding>
    void encode(Part part, RecordedTime time, Encoding encoding);
    [[nodiscard]] std::uint64_t spent(Part part) const;
    /// Whether a part has reached its bound, from when on it is in sums.
    [[nodiscard]] bool is_summed(SummedPart part, RecordedTime now);
    void end_open_labels(RecordedTime now);
    void tell_sums(RecordedTime now);
    void write_chunk();
    [[nodiscard]] bool begin_file();
    void write(std::string_view bytes);

    FileDescriptor file_;
    std::unique_ptr<Packer> packer_;
    std::uint64_t size_ = 0;
    std::string problem_;
    std::chrono::microseconds interval_{};
    Thinning thinning_;
    AmountsThinning amounts_thinning_;
    ChunkBuilder chunk_;
    RowEncoder rows_;
    ToldEncoder told_{chunk_};
    RecordWriter fields_;  ///< of the record that is being made
    SiteSums sites_;
    LabelSums labels_;
    OpenLabels open_labels_;        ///< of those that were written
    std::array<bool, 2> summed_{};  ///< by SummedPart
    RecordedTime next_sums_{};
    PerPart<std::uint64_t> plain_bytes_{};   ///< of the chunk
    PerPart<std::uint64_t> packed_bytes_{};  ///< of the file, but for the chunk
    struct Device {
        std::optional<RecordedDevice> device;
        bool told = false;  ///< in this chunk
    };
    std::array<Device, recorded_devices_max> devices_;
};

}  // namespace hexcore

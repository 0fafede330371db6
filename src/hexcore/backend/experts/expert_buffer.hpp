#pragma once

#include <deque>
#include <string_view>
#include <vector>

#include "ggml-backend-impl.h"
#include "ggml-cpp.h"
#include "hexcore/backend/experts/expert_layout.hpp"
#include "hexcore/backend/memory/device_buffer.hpp"
#include "hexcore/base/result.hpp"

namespace hexcore {

class Device;
class Machine;

/// The buffer type for the merged expert tensors of the layers at home on `home`.
[[nodiscard]] ggml_backend_buffer_type make_expert_buffer_type(Device& home);

/// The tensor that a LoRA adapter's tensor modifies: "blk.3.ffn_up_exps.weight.lora_a" gives
/// "blk.3.ffn_up_exps.weight"; any other name is left as it is.
[[nodiscard]] std::string_view without_adapter_suffix(std::string_view name);

/// True for a tensor with shards, and for any in an expert buffer, which has none in a dry run.
[[nodiscard]] bool is_in_expert_buffer(const ggml_tensor& tensor);

/// A merged expert tensor that lies in shards on several devices. ggml tensors of an expert buffer,
/// and those in ordinary buffers with NamedExperts, point to theirs through `ggml_tensor::extra`.
struct ShardedTensor {
    const ExpertMap* map = nullptr;
    /// [device]: that device's experts as a tensor of their own, {n_embd, n_ff, count}, in order of
    /// expert id; `data` is null where the device holds none.
    std::vector<ggml_tensor> shards;
};

/// The shards of `tensor`, or nullptr where it is an ordinary tensor.
[[nodiscard]] const ShardedTensor* sharded(const ggml_tensor* tensor);

/// Where the experts of `tensor` are, also in a dry run; nullptr where it is an ordinary tensor.
[[nodiscard]] const ExpertMap* expert_map_of(const ggml_tensor& tensor);

/// The part of a sharded tensor's bytes that lies in one expert: `size` bytes at `shard_offset` of
/// `shard`, which are those at `tensor_offset` of the whole.
struct ShardSlice {
    ggml_tensor* shard;
    std::size_t shard_offset;
    std::size_t tensor_offset;
    std::size_t size;
};
/// Cuts the range [offset, offset + size) of the whole tensor at expert boundaries.
[[nodiscard]] std::vector<ShardSlice> slices_of(ShardedTensor& tensor, const ggml_tensor& whole,
                                                std::size_t offset, std::size_t size);

// Data of a sharded tensor in and out, as a ggml buffer's interface wants it.
void set_shards(Machine& machine, const ggml_tensor& tensor, const void* data, std::size_t offset,
                std::size_t size);
void get_shards(const ggml_tensor& tensor, void* data, std::size_t offset, std::size_t size);
void memset_shards(const ggml_tensor& tensor, std::uint8_t value, std::size_t offset,
                   std::size_t size);

/// A ggml buffer whose tensors are sharded by expert. Its own addresses mean nothing; the bytes are
/// in arenas, one on each device that holds experts of the layers at home on one device.
class ExpertBuffer : public DeviceBuffer {
public:
    /// Makes the buffer that libllama asks `home`'s expert buffer type for. The first one takes the
    /// arenas that the layout names; later ones (LoRA adapters) take each shard when its tensor is
    /// initialised. Null where memory is refused; nothing is left allocated then.
    static ggml_backend_buffer_t allocate(ggml_backend_buffer_type_t type, Machine& machine,
                                          DeviceId home, std::size_t size);

    ExpertBuffer(Machine& machine, DeviceId home);
    ~ExpertBuffer() override;
    ExpertBuffer(const ExpertBuffer&) = delete;
    ExpertBuffer& operator=(const ExpertBuffer&) = delete;

    [[nodiscard]] bool has_sharded_tensors() const override { return true; }
    [[nodiscard]] FillTarget fill_target(const ggml_tensor& tensor,
                                         std::size_t offset) const override;

    [[nodiscard]] ggml_status init_tensor(ggml_tensor& tensor);
    /// Takes memory for each shard of `tensor` by itself, outside of the arenas.
    [[nodiscard]] ggml_status place_apart(ggml_tensor& tensor, const ExpertMap& map);
    void clear(std::uint8_t value);

private:
    [[nodiscard]] Result<void> take_arenas();
    /// In the arenas where `offsets` ([device]) is given.
    [[nodiscard]] ggml_status place_shards(ggml_tensor& tensor, const ExpertMap& map,
                                           const std::vector<Bytes>* offsets);

    Machine& machine_;
    DeviceId home_;
    bool has_arenas_ = false;
    std::vector<ggml_backend_buffer_ptr> arenas_;  ///< [device]
    std::vector<ggml_backend_buffer_ptr> single_;  ///< shards outside the arenas
    std::deque<ShardedTensor> tensors_;
};

}  // namespace hexcore

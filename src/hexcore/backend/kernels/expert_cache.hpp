#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "ggml-cpp.h"
#include "hexcore/backend/experts/cache_policy.hpp"
#include "hexcore/backend/experts/expert_layout.hpp"
#include "hexcore/backend/kernels/chain_work.hpp"
#include "hexcore/backend/kernels/kernel_library.hpp"

namespace hexcore {

class Device;
class ExpertCacheMemory;

/// Copies of experts that lie in main memory, in the memory that the GPU at home has for them: for
/// tokens whose experts our kernels compute. Which ones says the CachePolicy; they change between
/// tokens, by copies beside the next tokens' work, and a token finds what was there when it began.
/// One context of a home has them.
class ExpertCache {
public:
    explicit ExpertCache(Device& home) : home_(home) {}
    ~ExpertCache();
    ExpertCache(const ExpertCache&) = delete;
    ExpertCache& operator=(const ExpertCache&) = delete;

    /// A layer with experts in main memory.
    void add_layer(const ExpertChain& chain);
    /// Takes memory for the table of who is where, of all layers that were added, the first time. A
    /// refusal is kept by the device's memory. Works on simulated devices, too.
    void reserve();

    /// Has the work's launches look for copies, once there are any.
    void join(ChainWork& work, const ExpertChain& chain, const KernelLibrary& library,
              hexcore_cuda_engine* engine);
    /// A token's choice in one of the layers, and who computed it (hexcore_cuda_way).
    void note(const ChainWork& work, const std::vector<std::int32_t>& experts,
              const std::vector<std::int32_t>& ways);
    /// After all layers of a token, which are launched: changes what is there.
    void end_token();

private:
    struct Layer {
        std::size_t row = 0;              ///< of the table
        std::vector<Bytes> parts;         ///< of one expert: gate, up if it is another one, down
        std::vector<std::int32_t> slots;  ///< [expert], as in the table
        bool has_changed = false;
        // Where its experts are in main memory, once it joined.
        const ExpertMap* map = nullptr;
        std::vector<const ggml_tensor*> shards;  ///< of each part
    };

    [[nodiscard]] bool open(const KernelLibrary& library, hexcore_cuda_engine* engine);
    [[nodiscard]] std::int32_t* table_row(const Layer& layer) const;
    void take_arrived();
    void begin(const std::vector<ExpertUpload>& uploads);
    /// False: nothing is to change from now on.
    [[nodiscard]] bool write_table();
    void tell();

    Device& home_;
    ExpertCacheMemory* memory_ = nullptr;  ///< once it is ours
    bool has_failed_ = false;
    std::unordered_map<const ggml_tensor*, Layer> layers_;  ///< by gate
    std::vector<Layer*> rows_;
    std::size_t most_experts_ = 0;   ///< of a layer
    ggml_backend_buffer_ptr table_;  ///< [row][expert] slot, or -1
    std::unique_ptr<CachePolicy> policy_;
    std::vector<CachedExpert> holds_;  ///< [slot], as the table says
    std::vector<bool> is_held_;        ///< [slot]
    std::vector<ExpertUpload> under_way_;
    const KernelLibrary* library_ = nullptr;
    hexcore_cuda_engine* engine_ = nullptr;
    hexcore_cuda_uploads* uploads_ = nullptr;
    CachePolicyCounters told_;  ///< to the device
};

}  // namespace hexcore

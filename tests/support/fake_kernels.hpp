#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

#include "hexcore/backend/execution/expert_biases.hpp"
#include "hexcore/backend/kernels/chain_work.hpp"
#include "hexcore/backend/kernels/host_layer.hpp"
#include "hexcore/backend/kernels/kernel_library.hpp"
#include "hexcore/backend/machine.hpp"
#include "support/expert_layer.hpp"

namespace hexcore::test {

/// Stands in for libhexcore-cuda.so where there is no GPU: what a GPU at home would ask for, what
/// it was told, and copies that it would make, in memory of this process. One at a time.
class FakeKernels {
public:
    FakeKernels() {
        current() = this;
        library_.error_text = [](int) -> const char* { return "made up"; };
        library_.hear = [](hexcore_cuda_team*, int, const hexcore_cuda_shape*,
                           std::int32_t* experts, std::int32_t* ways, float* x) {
            const FakeKernels& self = *current();
            std::copy(self.experts.begin(), self.experts.end(), experts);
            std::copy(self.ways.begin(), self.ways.end(), ways);
            std::copy(self.x.begin(), self.x.end(), x);
            return self.hear_error;
        };
        library_.tell = [](hexcore_cuda_team*, int, const hexcore_cuda_shape* shape, int choice,
                           const float* row) {
            current()->told[choice].assign(row, row + shape->n_embd);
        };
        library_.open_uploads = [](hexcore_cuda_engine*, hexcore_cuda_uploads** uploads) {
            *uploads = reinterpret_cast<hexcore_cuda_uploads*>(current());
            return 0;
        };
        library_.close_uploads = [](hexcore_cuda_uploads*) {};
        library_.set_slots = [](hexcore_cuda_engine*, std::int32_t* slots,
                                const std::int32_t* values, std::size_t n) {
            if (current()->set_slots_error == 0) {
                std::copy(values, values + n, slots);
            }
            return current()->set_slots_error;
        };
        library_.begin_uploads = [](hexcore_cuda_uploads*, const hexcore_cuda_upload* each,
                                    std::size_t n) {
            FakeKernels& self = *current();
            self.uploads.insert(self.uploads.end(), each, each + n);
            self.table_at_upload = self.table();
            return self.upload_error;
        };
        library_.finish_uploads = [](hexcore_cuda_uploads*) {
            FakeKernels& self = *current();
            for (const hexcore_cuda_upload& upload : self.uploads) {
                std::memcpy(upload.to, upload.from, upload.bytes);
            }
            self.uploads.clear();
            return 0;
        };
    }

    [[nodiscard]] const KernelLibrary& library() const { return library_; }
    /// The slots of a layer's experts, as the GPU has them.
    [[nodiscard]] std::vector<std::int32_t> table() const { return {watched, watched + n_watched}; }

    // What the GPU asks for, and what it was told, by choice.
    std::vector<std::int32_t> experts;
    std::vector<std::int32_t> ways;
    std::vector<float> x;
    int hear_error = 0;
    std::map<int, std::vector<float>> told;
    // Copies under way, and the table when the last ones were begun.
    std::vector<hexcore_cuda_upload> uploads;
    std::vector<std::int32_t> table_at_upload;
    const std::int32_t* watched = nullptr;
    std::size_t n_watched = 0;
    int upload_error = 0;
    int set_slots_error = 0;

private:
    static FakeKernels*& current() {
        static FakeKernels* self = nullptr;
        return self;
    }

    KernelLibrary library_;
};

/// A layer at home on the first of two capped host devices, with all its experts on the second, as
/// a graph that a GPU and the CPU compute together.
struct LayerBesideMainMemory {
    explicit LayerBesideMainMemory(const LayerOptions& options)
        : machine(Machine::create({{.kind = DeviceKind::host, .name = "home", .budget = 64_MiB},
                                   {.kind = DeviceKind::host, .name = "host0", .budget = 64_MiB}})
                      .value()),
          layer(options) {
        Placement placement;
        placement.layer_device.assign(1, DeviceId(0));
        placement.expert_device.assign(
            1, std::vector<DeviceId>(static_cast<std::size_t>(options.n_experts), DeviceId(1)));
        HEXCORE_CHECK(machine->place_experts(placement).has_value(), "experts", "are placed");
        // Shards take their memory by themselves; but a tensor has an address.
        constexpr std::size_t room_of_none = 512;
        for (ggml_tensor* parameter : layer.parameters) {
            ggml_backend_buffer_type_t type = home().buffer_type();
            buffers.emplace_back(ggml_backend_buft_alloc_buffer(
                type, std::max(room_of_none, ggml_backend_buft_get_alloc_size(type, parameter))));
            const ggml_status status =
                ggml_backend_tensor_alloc(buffers.back().get(), parameter,
                                          ggml_backend_buffer_get_base(buffers.back().get()));
            HEXCORE_CHECK(status == GGML_STATUS_SUCCESS, parameter->name, "has no memory");
        }
        std::mt19937 random(7);
        for (ggml_tensor* parameter : layer.parameters) {
            fill_randomly(*parameter, random);
        }
        chain = layer.chain().value();
        const ExpertRegion region = find_region(layer.graph(), chain.first);
        biases = std::make_unique<ExpertBiases>(*machine);
        biases->reserve(layer.graph(), region);
        HEXCORE_CHECK(biases->fill(layer.graph(), region), "biases", "have room");
        scratch = std::make_unique<HostScratch>(machine->device(DeviceId(1)));
        scratch->reserve(layer.graph(), region, *biases);
        work.host = std::make_shared<HostLayer>(*scratch, layer.graph(), region, *biases, home());
        work.experts.shape = chain.shape;
        work.experts.is_counted = 1;
    }

    [[nodiscard]] Device& home() const { return machine->device(DeviceId(0)); }

    std::unique_ptr<Machine> machine;
    ExpertLayer layer;
    std::vector<ggml_backend_buffer_ptr> buffers;
    ExpertChain chain;
    std::unique_ptr<ExpertBiases> biases;
    std::unique_ptr<HostScratch> scratch;
    ChainWork work;
};

}  // namespace hexcore::test

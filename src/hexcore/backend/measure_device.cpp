#include "hexcore/backend/measure_device.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

#include "ggml-alloc.h"
#include "ggml-cpu.h"
#include "hexcore/backend/inner_device.hpp"
#include "hexcore/backend/probe_layer.hpp"
#include "hexcore/device/gpu_probe.hpp"
#include "hexcore/device/processor.hpp"

namespace hexcore {
namespace {

constexpr int repetitions = 30;
constexpr Bytes copied = 64_MiB;

/// The median of some runs, in seconds.
template <typename Run>
double median_seconds(int runs, Run&& run) {
    std::vector<double> seconds;
    for (int i = 0; i < runs; ++i) {
        const auto start = std::chrono::steady_clock::now();
        run();
        const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
        seconds.push_back(taken.count());
    }
    std::nth_element(seconds.begin(), seconds.begin() + runs / 2, seconds.end());
    return seconds[static_cast<std::size_t>(runs / 2)];
}

/// A graph of the layer with its memory, ready to compute.
class Probe {
public:
    Probe(const ProbeLayer& layer, ggml_backend_t backend, std::int64_t n_tokens)
        : backend_(backend),
          context_(ggml_init({.mem_size = 256 * ggml_tensor_overhead() + ggml_graph_overhead(),
                              .mem_buffer = nullptr,
                              .no_alloc = true})),
          made_(layer.build(context_.get(), n_tokens)),
          memory_(ggml_gallocr_new(ggml_backend_get_default_buffer_type(backend))) {
        fits_ = ggml_gallocr_alloc_graph(memory_.get(), made_.graph);
        if (fits_) {
            for (ggml_tensor* input :
                 {made_.activations, made_.positions, made_.cells, made_.mask}) {
                ggml_backend_tensor_memset(input, 0, 0, ggml_nbytes(input));
            }
        }
    }

    [[nodiscard]] bool fits() const { return fits_; }
    [[nodiscard]] Bytes size() const {
        return Bytes(ggml_gallocr_get_buffer_size(memory_.get(), 0));
    }
    [[nodiscard]] ggml_tensor& activations() const { return *made_.activations; }
    [[nodiscard]] bool compute() {
        return ggml_backend_graph_compute(backend_, made_.graph) == GGML_STATUS_SUCCESS;
    }

private:
    ggml_backend_t backend_;
    ggml_context_ptr context_;
    ProbeLayer::Graph made_;
    ggml_gallocr_ptr memory_;
    bool fits_ = false;
};

/// One way of one token's activations, half of there and back.
double hop_seconds(ggml_tensor& activations) {
    std::vector<std::byte> data(ggml_nbytes(&activations));
    return 0.5 * median_seconds(10 * repetitions, [&] {
               ggml_backend_tensor_set(&activations, data.data(), 0, data.size());
               ggml_backend_tensor_get(&activations, data.data(), 0, data.size());
           });
}

double copy_bytes_per_s(ggml_backend_dev_t device, ggml_tensor& target) {
    ggml_backend_buffer_type_t pinned = ggml_backend_dev_host_buffer_type(device);
    const ggml_backend_buffer_ptr source(ggml_backend_buft_alloc_buffer(
        pinned != nullptr ? pinned : ggml_backend_cpu_buffer_type(), copied.count()));
    if (!source) {
        return 0;
    }
    ggml_backend_buffer_clear(source.get(), 0);
    const void* const data = ggml_backend_buffer_get_base(source.get());
    return copied.as_double() / median_seconds(repetitions / 3, [&] {
               ggml_backend_tensor_set(&target, data, 0, copied.count());
           });
}

/// What this process has of a GPU now; main memory has no pools.
std::optional<Bytes> taken(const InnerDevice& device, Bytes free_before) {
    if (!device.gpu) {
        return std::nullopt;
    }
    if (const auto held = held_by_this_process(*device.gpu)) {
        return saturating_subtract(*held, device.context);
    }
    return saturating_subtract(free_before, free_memory(device));
}

Result<InnerDevice> device_behind(const DeviceSpec& spec) {
    if (spec.kind != DeviceKind::host) {
        return find_inner_device(spec);
    }
    return InnerDevice{.device = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU),
                       .context = {},
                       .pools = {}};
}

}  // namespace

Result<MeasuredDevice> measure_device(const DeviceSpec& spec, std::string name,
                                      std::string driver) {
    HEXCORE_TRY(device, device_behind(spec));
    const Bytes free_before = device.gpu ? free_memory(device) : Bytes{};
    const ggml_backend_ptr backend(ggml_backend_dev_init(device.device, nullptr));
    if (!backend) {
        return fail(ErrorCode::missing_device, "{}: ggml's backend does not start", spec.name);
    }
    if (ggml_backend_is_cpu(backend.get())) {
        ggml_backend_cpu_set_n_threads(backend.get(), usable_cores());
    }
    ProbeLayer layer(ggml_backend_get_default_buffer_type(backend.get()));
    if (!layer.ok()) {
        return fail(ErrorCode::does_not_fit,
                    "{} has no room for the 1.2 GiB that measuring takes for some seconds; end "
                    "what holds its memory (hexcore devices lists it) and try again",
                    spec.name);
    }
    Probe token(layer, backend.get(), 1);
    bool computed = token.fits() && token.compute();
    Bytes buffers = layer.size() + (token.fits() ? token.size() : Bytes{});
    std::optional<Bytes> pools;
    if (computed && device.gpu) {
        Probe prompt(layer, backend.get(), ProbeLayer::n_prompt);
        computed = prompt.fits() && prompt.compute() && prompt.compute() && token.compute() &&
                   token.compute();  // the second and third time as a CUDA graph
        if (const auto now = taken(device, free_before); now && prompt.fits()) {
            pools = saturating_subtract(*now, buffers + prompt.size());
        }
    }
    if (!computed) {
        return fail(ErrorCode::does_not_fit, "{} could not compute the layer that measuring needs",
                    spec.name);
    }
    const double seconds = median_seconds(repetitions, [&] { (void)token.compute(); });
    return MeasuredDevice{
        .name = std::move(name),
        .driver = std::move(driver),
        .weights_bytes_per_s = layer.read_for_a_token().as_double() / seconds,
        .copy_bytes_per_s = copy_bytes_per_s(device.device, layer.largest()),
        .hop_s = hop_seconds(token.activations()),
        .pools = pools.value_or(Bytes{}),
    };
}

}  // namespace hexcore

#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <unordered_map>
#include <vector>

#include "ggml-impl.h"

namespace hexcore {

class Device;

/// The nodes of `graph` from the `first` one to before `end`, to be computed by themselves.
[[nodiscard]] ggml_cgraph part_of(const ggml_cgraph& graph, int first, int end);

/// A graph for the inner backend of one device, made from tensors of libllama's graphs. It has
/// copies of them: in the inner backend's own buffers, which some backends (RPC) insist on, with
/// the device's shard in place of a sharded weight, and with nothing behind what goes in.
class InnerGraph {
public:
    explicit InnerGraph(Device& device) : device_(device) {}
    ~InnerGraph();
    InnerGraph(const InnerGraph&) = delete;
    InnerGraph& operator=(const InnerGraph&) = delete;

    /// A copy of `node` to compute, whose sources are the copies made so far, or become leaves.
    /// `use_count`: how many nodes of the whole graph read it.
    ggml_tensor& add_node(const ggml_tensor& node, int use_count);
    /// The copy of `tensor`, made as something that only goes in where there is none yet.
    ggml_tensor& leaf(const ggml_tensor& tensor);
    /// A tensor that has no original and gets memory from an allocator.
    ggml_tensor& add_input(ggml_type type, std::int64_t ne0, std::int64_t ne1, std::int64_t ne2);
    /// A node that has no original: `op` of `sources`, with a contiguous F32 result of that shape.
    ggml_tensor& add_operation(ggml_op op, std::array<std::int64_t, 3> ne,
                               std::initializer_list<ggml_tensor*> sources, int use_count);
    /// From now on `copy` stands for `original` in nodes that are added.
    void replace(const ggml_tensor& original, ggml_tensor& copy) { copies_[&original] = &copy; }

    /// The graph of what was added, for a backend or an allocator; nothing can be added after it.
    [[nodiscard]] ggml_cgraph& finish();
    /// How many nodes there are so far, and a part of the graph.
    [[nodiscard]] int size() const { return static_cast<int>(nodes_.size()); }
    [[nodiscard]] ggml_cgraph part(int first, int end) { return part_of(finish(), first, end); }
    /// Keeps an allocator from placing `tensor`, which gets its memory later.
    static void place_later(ggml_tensor& tensor);
    /// After an allocator placed tensors: puts them into the inner backend's buffers.
    void enter_inner_buffers();

private:
    [[nodiscard]] ggml_tensor& find_or_leaf(const ggml_tensor& tensor);

    Device& device_;
    std::deque<ggml_tensor> tensors_;  ///< handed out by address
    std::unordered_map<const ggml_tensor*, ggml_tensor*> copies_;
    std::vector<ggml_tensor*> nodes_;
    std::vector<ggml_tensor*> leafs_;
    std::vector<int> node_uses_;
    std::vector<std::int32_t> use_counts_;  ///< [slot of the hash set]
    ggml_cgraph graph_{};
};

}  // namespace hexcore

#include <algorithm>

#include "hexcore/recording/told_code.hpp"

namespace hexcore {
namespace {

std::uint64_t within_bounds(Bytes bytes) { return std::min(bytes, recorded_bytes_max).count(); }

}  // namespace

void ToldEncoder::start_chunk() {
    time_us_ = 0;
    id_ = 0;
}

void ToldEncoder::begin(RecordedTime time) {
    fields_.clear();
    fields_.signed_number(time.count() - time_us_);
    time_us_ = time.count();
}

void ToldEncoder::add(RecordKind kind, RecordedTime time) {
    chunk_.add(kind, fields_);
    chunk_.extend(time);
}

ToldEncoder::SiteNumbers ToldEncoder::refer(const RecordedSite& site) {
    return {chunk_.refer(site.holder), chunk_.refer(site.purpose), chunk_.refer(site.label),
            chunk_.refer(site.stack)};
}

void ToldEncoder::add_site(const SiteNumbers& site) {
    fields_.number(site.holder);
    fields_.number(site.purpose);
    fields_.number(site.label);
    fields_.number(site.stack);
}

void ToldEncoder::encode(const RecordedAmounts& amounts) {
    const std::size_t count = std::min(amounts.amounts.size(), recorded_amounts_max);
    const std::uint64_t holder = chunk_.refer(amounts.holder);
    for (std::size_t i = 0; i < count; ++i) {
        chunk_.refer(amounts.amounts[i].name);
    }
    begin(amounts.time);
    fields_.number(holder);
    fields_.number(count);
    for (std::size_t i = 0; i < count; ++i) {
        fields_.number(chunk_.refer(amounts.amounts[i].name));
        fields_.number(within_bounds(amounts.amounts[i].bytes));
    }
    add(RecordKind::amounts, amounts.time);
}

void ToldEncoder::encode(const RecordedEvent& event) {
    const SiteNumbers site = refer(event.site);
    const std::uint64_t purpose_before = chunk_.refer(event.purpose_before);
    begin(event.time);
    fields_.number(static_cast<std::uint64_t>(event.kind));
    fields_.signed_number(static_cast<std::int64_t>(event.id - id_));
    id_ = event.id;
    fields_.number(within_bounds(event.bytes));
    add_site(site);
    if (event.kind == EventKind::relabelled) {
        fields_.number(purpose_before);
    }
    add(RecordKind::event, event.time);
}

void ToldEncoder::encode(const RecordedSiteSum& sum) {
    const SiteNumbers site = refer(sum.site);
    begin(sum.time);
    add_site(site);
    fields_.number(within_bounds(sum.bytes));
    fields_.number(sum.n_alive);
    fields_.number(sum.n_ever);
    add(RecordKind::site, sum.time);
}

void ToldEncoder::encode(const RecordedLabel& label) {
    const std::uint64_t process = chunk_.refer(label.process);
    const std::uint64_t name = chunk_.refer(label.name);
    begin(label.time);
    fields_.number(static_cast<std::uint64_t>(label.edge));
    fields_.number(process);
    fields_.number(label.thread);
    fields_.number(name);
    add(RecordKind::label, label.time);
}

void ToldEncoder::encode(const RecordedLabelSum& sum) {
    const std::uint64_t process = chunk_.refer(sum.process);
    const std::uint64_t name = chunk_.refer(sum.name);
    begin(sum.last);
    fields_.number(process);
    fields_.number(name);
    fields_.number(sum.count);
    add(RecordKind::label_sum, sum.last);
}

void ToldEncoder::encode(const RecordedMark& mark) {
    const std::uint64_t process = chunk_.refer(mark.process);
    const std::uint64_t name = chunk_.refer(mark.name);
    begin(mark.time);
    fields_.number(process);
    fields_.number(name);
    add(RecordKind::mark, mark.time);
}

void ToldEncoder::encode(const RecordedLoss& loss) {
    const std::uint64_t process = chunk_.refer(loss.process);
    begin(loss.time);
    fields_.number(process);
    fields_.number(loss.records);
    add(RecordKind::loss, loss.time);
}

void ToldEncoder::encode(const RecordedCountedOnce& counted) {
    begin(counted.time);
    fields_.number(within_bounds(counted.resident));
    fields_.number(within_bounds(counted.once));
    fields_.number(counted.n_processes);
    add(RecordKind::counted_once, counted.time);
}

}  // namespace hexcore

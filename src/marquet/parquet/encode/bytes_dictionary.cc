#include <bit>
#include <cstring>

#include "marquet/base/hash.h"
#include "marquet/parquet/encode/bytes_dictionary_internal.h"

namespace marquet::pq {
namespace {

constexpr size_t kFirstSlots = 64;
constexpr int64_t kKeptBytes = int64_t{8} << 10;

// More values with one place in the table than chance would bring: they were chosen for it.
constexpr size_t kMostProbes = 64;

}  // namespace

void BytesDictionary::Clear() {
  if (bytes() > kKeptBytes) {
    plain_ = std::vector<char>();
    ends_ = std::vector<size_t>();
    slots_ = std::vector<Slot>();
    short_slots_ = std::vector<ShortSlot>();
  }
  plain_.clear();
  ends_.clear();
  slots_.assign(kFirstSlots, Slot{});
  short_slots_.assign(kFirstSlots, ShortSlot{});
  short_values_ = 0;
  short_shift_ = 64 - std::countr_zero(kFirstSlots);
  last_ = kNone;
  of_bytes_.fill(kNone);
}

int BytesDictionary::index_width() const { return ends_.empty() ? 0 : std::bit_width(ends_.size() - 1); }

std::optional<uint32_t> BytesDictionary::Add(std::string_view bytes) {
  if (ends_.size() >= kMostValues || plain_.size() + 4 + bytes.size() > kMostBytes) return std::nullopt;
  const auto length = static_cast<uint32_t>(bytes.size());
  const size_t end = plain_.size();
  plain_.resize(end + 4 + bytes.size());
  std::memcpy(plain_.data() + end, &length, 4);
  if (!bytes.empty()) std::memcpy(plain_.data() + end + 4, bytes.data(), bytes.size());
  ends_.push_back(plain_.size());
  return static_cast<uint32_t>(ends_.size() - 1);
}

std::optional<uint32_t> BytesDictionary::AddShort(std::string_view bytes, uint64_t key) {
  const size_t mask = short_slots_.size() - 1;
  size_t at = PlaceOf(key);
  for (size_t probes = 0; short_slots_[at].index != kNone; at = (at + 1) & mask) {
    if (++probes > kMostProbes) return std::nullopt;
  }
  const auto index = Add(bytes);
  if (!index) return std::nullopt;
  short_slots_[at] = {key, *index};
  if (++short_values_ * 2 > short_slots_.size()) GrowShort();
  return index;
}

std::optional<uint32_t> BytesDictionary::Find(std::string_view bytes) {
  const uint64_t hash = Xxh3Hash64(bytes);
  const size_t mask = slots_.size() - 1;
  size_t at = hash & mask;
  for (size_t probes = 0; slots_[at].index != kNone; at = (at + 1) & mask) {
    if (slots_[at].hash == hash && value(slots_[at].index) == bytes) return last_ = slots_[at].index;
    if (++probes > kMostProbes) return std::nullopt;
  }
  const auto index = Add(bytes);
  if (!index) return std::nullopt;
  last_ = *index;
  slots_[at] = {hash, last_};
  if (ends_.size() * 2 > slots_.size()) Grow();
  return index;
}

void BytesDictionary::GrowShort() {
  std::vector<ShortSlot> old(short_slots_.size() * 4);
  std::swap(old, short_slots_);
  short_shift_ = 64 - std::countr_zero(short_slots_.size());
  for (const ShortSlot& slot : old) {
    if (slot.index == kNone) continue;
    size_t at = PlaceOf(slot.key);
    while (short_slots_[at].index != kNone) at = (at + 1) & (short_slots_.size() - 1);
    short_slots_[at] = slot;
  }
}

void BytesDictionary::Grow() {
  std::vector<Slot> old(slots_.size() * 4);
  std::swap(old, slots_);
  for (const Slot& slot : old) {
    if (slot.index == kNone) continue;
    size_t at = slot.hash & (slots_.size() - 1);
    while (slots_[at].index != kNone) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = slot;
  }
}

}  // namespace marquet::pq

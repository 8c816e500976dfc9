#include <bit>
#include <cstring>

#include "marquet/base/hash.h"
#include "marquet/parquet/bytes_dictionary_internal.h"

namespace marquet::pq {
namespace {

constexpr size_t kFirstSlots = 64;

// More values with one place in the table than chance would bring: they were chosen for it.
constexpr size_t kMostProbes = 64;

}  // namespace

void BytesDictionary::Clear() {
  plain_.clear();
  ends_.clear();
  slots_.assign(kFirstSlots, Slot{});
  of_character_.fill(kNone);
  last_ = kNone;
}

int BytesDictionary::index_width() const { return ends_.empty() ? 0 : std::bit_width(ends_.size() - 1); }

std::optional<uint32_t> BytesDictionary::Find(std::string_view bytes) {
  const uint64_t hash = Xxh3Hash64(bytes);
  const size_t mask = slots_.size() - 1;
  size_t at = hash & mask;
  for (size_t probes = 0; slots_[at].index != kNone; at = (at + 1) & mask) {
    if (slots_[at].hash == hash && value(slots_[at].index) == bytes) return last_ = slots_[at].index;
    if (++probes > kMostProbes) return std::nullopt;
  }
  if (ends_.size() >= kMostValues || plain_.size() + 4 + bytes.size() > kMostBytes) return std::nullopt;
  const auto length = static_cast<uint32_t>(bytes.size());
  const size_t end = plain_.size();
  plain_.resize(end + 4 + bytes.size());
  std::memcpy(plain_.data() + end, &length, 4);
  if (!bytes.empty()) std::memcpy(plain_.data() + end + 4, bytes.data(), bytes.size());
  ends_.push_back(plain_.size());
  last_ = static_cast<uint32_t>(ends_.size() - 1);
  slots_[at] = {hash, last_};
  if (bytes.size() == 1) of_character_[static_cast<uint8_t>(bytes[0])] = last_;
  if (ends_.size() * 2 > slots_.size()) Grow();
  return last_;
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

#include "marquet/output/open_chunks_internal.h"

#include <algorithm>

namespace marquet::output {

std::optional<int64_t> OpenChunks::ChunkOf(std::optional<int64_t> asked) const {
  if (asked || per_chunk_ == 0) return asked;
  return next_;
}

const OpenChunk* OpenChunks::Find(int64_t chunk) const {
  const auto found = chunks_.find(chunk);
  return found == chunks_.end() ? nullptr : &found->second;
}

int64_t OpenChunks::RecordsOf(int64_t chunk) const {
  const OpenChunk* const found = Find(chunk);
  return found == nullptr ? 0 : found->records;
}

int64_t OpenChunks::Fitting(int64_t chunk, int64_t records) const {
  return per_chunk_ == 0 ? records : std::min(records, per_chunk_ - RecordsOf(chunk));
}

bool OpenChunks::IsFull(int64_t chunk) const { return per_chunk_ > 0 && RecordsOf(chunk) >= per_chunk_; }

std::optional<int64_t> OpenChunks::Room(std::optional<int64_t> chunk) const {
  if (per_chunk_ == 0) return std::nullopt;
  return per_chunk_ - RecordsOf(chunk.value_or(next_));
}

void OpenChunks::AddRows(int64_t chunk, int64_t rows, const std::string& name) {
  OpenChunk& open = chunks_[chunk];
  open.names.insert(name);
  open.records += rows;
}

void OpenChunks::AddDropped(int64_t chunk, int64_t records) {
  OpenChunk& open = chunks_[chunk];
  open.records += records;
  open.dropped += records;
}

std::vector<int64_t> OpenChunks::All() const {
  std::vector<int64_t> all;
  for (const auto& [chunk, open] : chunks_) all.push_back(chunk);
  return all;
}

int64_t OpenChunks::Dropped() const {
  int64_t dropped = 0;
  for (const auto& [chunk, open] : chunks_) dropped += open.dropped;
  return dropped;
}

}  // namespace marquet::output

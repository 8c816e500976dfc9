#include <utility>

#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/output/output_names_internal.h"

namespace marquet::output {

arrow::Result<std::string> OutputNames::Fill(const TemplateValues& values,
                                             std::optional<int64_t> chunk) const {
  TemplateValues all = values;
  for (const auto& [key, value] : known_) all[key] = value;
  if (chunk) {
    if (*chunk < 0) return InvalidInput(fmt::format("chunk {} cannot be; expected 0 or more", *chunk));
    all[std::string(kChunkKey)] = std::to_string(*chunk);
  } else if (tell_chunks_) {
    return InvalidInput(fmt::format("the output name {} asks for a chunk, and the rows have none",
                                    Quoted(template_.text(), 200)),
                        "Give chunk_index with the rows, or records_per_chunk to have them counted.");
  }
  ARROW_ASSIGN_OR_RAISE(std::string name, template_.Fill(all));
  const std::optional<int64_t> known = ChunkOf(name);
  if (tell_chunks_ && known && known != chunk) {
    return InvalidInput(
        fmt::format("the output name {} is that of chunk {}; chunk {} would have it, too", Quoted(name, 200),
                    *known, *chunk),
        "Keep ${chunk_index} apart from other keys in the template, such as by an underscore.");
  }
  return name;
}

std::optional<std::string> OutputNames::OnlyName() const {
  if (tell_chunks_) return std::nullopt;
  auto name = template_.Fill(known_);
  if (!name.ok()) return std::nullopt;
  return *std::move(name);
}

std::optional<int64_t> OutputNames::ChunkOf(const std::string& name) const {
  const auto known = chunks_.find(name);
  if (known == chunks_.end()) return std::nullopt;
  return known->second;
}

void OutputNames::Forget(const std::set<std::string>& names, std::optional<int64_t> chunk) {
  for (const std::string& name : names) chunks_.erase(name);
  if (chunk) std::erase_if(chunks_, [&](const auto& entry) { return entry.second == *chunk; });
}

}  // namespace marquet::output

// The names of a rolling writer's outputs, and the chunk that each belongs to.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "arrow/result.h"
#include "marquet/output/output_template.h"

namespace marquet::output {

// Not thread safe.
class OutputNames {
 public:
  OutputNames(OutputTemplate name_template, int rank)
      : template_(std::move(name_template)),
        known_{{std::string(kRankKey), RankText(rank)}},
        tell_chunks_(template_.Has(kChunkKey)) {}

  const OutputTemplate& name_template() const { return template_; }
  const TemplateValues& known() const { return known_; }  // that all names share

  // Whether names tell chunks apart, so that a chunk can be published on its own.
  bool tell_chunks() const { return tell_chunks_; }
  // The chunk by which published files are told apart: none where the names do not.
  std::optional<int64_t> Told(std::optional<int64_t> chunk) const {
    return tell_chunks_ ? chunk : std::nullopt;
  }

  // The name for rows of a chunk. kInvalidInput where the template cannot be filled, or where rows of another
  // chunk have the name.
  arrow::Result<std::string> Fill(const TemplateValues& values, std::optional<int64_t> chunk) const;

  // The only name that there is; nothing where names depend on more than the writer.
  std::optional<std::string> OnlyName() const;

  void Remember(const std::string& name, int64_t chunk) { chunks_[name] = chunk; }
  std::optional<int64_t> ChunkOf(const std::string& name) const;
  // Forgets names, and all of a chunk's, also those that were only asked for.
  void Forget(const std::set<std::string>& names, std::optional<int64_t> chunk);

 private:
  const OutputTemplate template_;
  const TemplateValues known_;
  const bool tell_chunks_;
  std::unordered_map<std::string, int64_t> chunks_;
};

}  // namespace marquet::output

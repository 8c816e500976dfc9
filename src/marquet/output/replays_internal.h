// Rows that are written a second time, although they are published: they lie beside the manifest until they
// were compared with what is published, and appear under no output name.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/status.h"
#include "marquet/output/output_parts_internal.h"

namespace marquet::output {

// Not thread safe.
class Replays {
 public:
  // `published`: the folder whose rows come again; it must outlive this. `directory`: where they lie.
  Replays(const OutputFolder* published, std::string directory);

  // Takes rows of an output name.
  std::unique_ptr<OutputParts> Begin(const std::string& name);

  // kConflict, naming the row, where the rows are not those of the files, which are names within the folder.
  // `prefix`: they may end sooner.
  arrow::Status End(OutputParts* rows, const std::vector<std::string>& files, bool prefix);

  // Removes what is left of any attempt's.
  arrow::Status Clear();

 private:
  const OutputFolder* const published_;
  OutputFolder folder_;
};

}  // namespace marquet::output

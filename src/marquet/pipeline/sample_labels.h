// The labels of a samples table: where they are stored, and what is said of them. Internal to the room.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "arrow/status.h"
#include "marquet/pipeline/build_samples.h"

namespace marquet::pipeline {

// Letters, digits, '-', '_' and '.', not at the start: the name becomes a file's.
arrow::Status CheckLabelsName(const std::string& name);

// Puts the fitted labels of every symbol of the report that was not skipped to _marquet/labels/NAME.json,
// beside those of other symbols that are stored already where `keep_others`. Durable when it returns OK.
arrow::Status StoreLabels(const std::shared_ptr<file::FileSystem>& fs, const std::string& samples,
                          const std::string& name, const BuildSamplesReport& report, bool keep_others);

// True when both windows of the row give a mean under the policy of the spec.
bool WindowsAreValid(std::span<const int64_t> bid, std::span<const int64_t> ask, int64_t row,
                     const depth::LabelSpec& spec);

}  // namespace marquet::pipeline

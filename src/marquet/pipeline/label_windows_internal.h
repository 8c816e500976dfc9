// The moves and labels of a symbol's windows, and what is to be told of them. Internal to the room.
#pragma once

#include <vector>

#include "arrow/status.h"
#include "marquet/depth/labels.h"
#include "marquet/pipeline/build_samples.h"
#include "marquet/pipeline/sample_windows_internal.h"
#include "marquet/pipeline/symbol_reader.h"

namespace marquet::pipeline {

// Labels all windows by `report->fitted`, those that are held too: of `moves`, which are by row under `spec`.
// The report counts the labels of those that are not, and why some have none.
arrow::Status LabelWindows(const Quotes& quotes, const depth::Moves& moves, const depth::LabelSpec& spec,
                           const SymbolReader& reader, std::vector<SampleWindow>* windows,
                           SymbolSamples* report);

}  // namespace marquet::pipeline

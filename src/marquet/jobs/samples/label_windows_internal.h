// The moves and labels of a symbol's windows, and what is to be told of them. Internal to the room.
#pragma once

#include <vector>

#include "arrow/status.h"
#include "marquet/depth/labels.h"
#include "marquet/jobs/samples/build_samples.h"
#include "marquet/jobs/samples/sample_windows_internal.h"
#include "marquet/jobs/samples/symbol_reader.h"

namespace marquet::jobs {

// Labels all windows by `report->fitted`, those that are held too: of `moves`, which are by row under `spec`.
// The report counts the labels of those that are not, and why some have none.
arrow::Status LabelWindows(const Quotes& quotes, const depth::Moves& moves, const depth::LabelSpec& spec,
                           const SymbolReader& reader, std::vector<SampleWindow>* windows,
                           SymbolSamples* report);

}  // namespace marquet::jobs

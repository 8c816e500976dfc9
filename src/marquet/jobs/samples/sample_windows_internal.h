// The windows of a symbol's rows that become samples: where they lie, and which of them a table holds
// already. Internal to the room.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "marquet/depth/labels.h"
#include "marquet/jobs/samples/build_samples.h"
#include "marquet/jobs/samples/sample_history.h"
#include "marquet/jobs/samples/symbol_reader.h"
#include "marquet/table/table.h"

namespace marquet::jobs {

// The rows [end - n, end) of the symbol's sequence, n being those of a tensor.
struct SampleWindow {
  int64_t end = 0;
  bool past_end = false;  // the forward window passes the end of the run
  double move = NAN;
  int8_t label = -1;
  bool held = false;        // it is in the table already
  bool held_label = false;  // with a label
};

struct PlacedWindows {
  std::vector<SampleWindow> windows;  // ascending
  std::vector<int64_t> begins;        // of the runs that no window crosses
};

// One window every `hop` rows of each run, as far as its last row has a bid and an ask. Counts runs and
// places in the report, and says there why there is none, where there is none to place.
PlacedWindows PlaceWindows(const Quotes& quotes, const BuildSamplesOptions& options,
                           const depth::LabelSpec& spec, SymbolSamples* report);

// Marks the windows that are in the table. All of its samples must be among them: others lie on another grid.
// They must have the rows that they had, too: else further ones would be made of other rows than they.
// kInvalidInput otherwise, with what differs.
arrow::Status MarkHeld(const HeldSymbol& held, const table::Table& book, const SymbolReader& reader,
                       const BuildSamplesOptions& options, std::vector<SampleWindow>* windows,
                       SymbolSamples* report);

}  // namespace marquet::jobs

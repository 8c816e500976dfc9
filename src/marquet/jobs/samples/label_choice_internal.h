// Which labels the samples of a symbol get: those that were given or asked for, those that its samples in the
// table have, or such as are fitted on its moves. Internal to the room.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "marquet/depth/labels.h"
#include "marquet/jobs/samples/build_samples.h"
#include "marquet/jobs/samples/sample_history.h"
#include "marquet/jobs/samples/symbol_reader.h"

namespace marquet::jobs {

// Completes `options`, and gives kInvalidInput for labels that contradict each other or themselves.
arrow::Status CheckLabelOptions(BuildSamplesOptions* options);

// What the labels of a symbol look at. kNotFound when labels were given, and none for the symbol.
arrow::Result<depth::LabelSpec> LabelSpecOf(const BuildSamplesOptions& options, const std::string& symbol);

// Whether the symbol's labels are asked for as thresholds.
bool AsksForThresholds(const BuildSamplesOptions& options, const std::string& symbol);

// The labels of samples that are there already stay what they are: what is asked for explicitly must be the
// same, and where nothing is, they are used again. `book`: what they are fitted on, as they note it.
// kInvalidInput for others than those of the samples, and where there is nothing to fit on.
arrow::Result<depth::FittedLabels> ChooseLabels(const BuildSamplesOptions& options,
                                                const SampleHistory& history, const std::string& symbol,
                                                const Quotes& quotes, const std::vector<double>& moves,
                                                const std::string& book);

}  // namespace marquet::jobs

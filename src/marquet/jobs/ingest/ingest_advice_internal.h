// What the user of an ingest can do next: where it ended early, and where it found nothing.
#pragma once

#include <cstdint>

#include "arrow/status.h"
#include "marquet/jobs/ingest/ingest.h"
#include "marquet/jobs/ingest/ingest_call.h"

namespace marquet::jobs {

// The error of a source with what of it is there by then, and what to do. `commits`: the tables that hold a
// part of it.
arrow::Status WithAdvice(const arrow::Status& status, const SourceReport& report, int64_t commits);

// Where all sources were read: names the symbols asked for that none of them has, and fails the outcome
// (kInvalidInput) when no row of any is selected.
void TellOfUnselected(const IngestOptions& options, const IngestCall& call, IngestOutcome* outcome);

}  // namespace marquet::jobs

// Fills in the report of one source: what was read of it, what became of it, and what there is to know about
// that.
#pragma once

#include <cstdint>
#include <string>

#include "arrow/status.h"
#include "marquet/dbn/layout.h"
#include "marquet/file/file_system.h"
#include "marquet/jobs/ingest/held_parts_internal.h"
#include "marquet/jobs/ingest/ingest.h"
#include "marquet/jobs/ingest/ingest_target.h"
#include "marquet/jobs/ingest/source_files.h"
#include "marquet/ledger/held_source.h"
#include "marquet/ledger/source_description.h"

namespace marquet::jobs {

// Adds to the note; an empty text adds nothing.
void AddNote(std::string text, SourceReport* report);

// The counts of a source that was read to its end, whose `rows` are in so many tables now. UnknownError when
// they do not add up to its records.
arrow::Status TellRead(file::FileSystem& fs, const IngestOptions& options, const SourceFile& source,
                       const ledger::SourceDescription& description, int64_t rows, size_t tables,
                       SourceReport* report);

// What one table took in.
void TellCommitted(const IngestOptions& options, const SourcePart& part, const TargetReport& committed,
                   SourceReport* report);

// A source of which the tables held all that is selected.
void TellHeld(const IngestOptions& options, const SourceFile& source, const HeldInAll& held,
              SourceReport* report);

// A source that was read, and of which no row is new or none was asked for. `lost`: of rows that came before.
void TellNothingSelected(const IngestOptions& options, const ledger::SourceLosses& lost,
                         SourceReport* report);

// What went, and how it is put back; nothing where nothing went.
void TellLosses(const std::string& whose, const ledger::SourceLosses& losses, SourceReport* report);

}  // namespace marquet::jobs

#include "marquet/jobs/ingest/ingest_advice_internal.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "marquet/base/error.h"
#include "marquet/base/text.h"

namespace marquet::jobs {

arrow::Status WithAdvice(const arrow::Status& status, const SourceReport& report, int64_t commits) {
  const std::string committed = commits == 0
                                    ? "nothing of it was committed"
                                    : fmt::format("{} already {} a part of it", Counted(commits, "table"),
                                                  commits == 1 ? "holds" : "hold");
  if (IsKind(status, ErrorKind::kCommitUnknown)) return status;
  if (status.IsCancelled()) {
    return arrow::Status::Cancelled(report.source, ": ", committed, "; run the same command again to go on");
  }
  if (IsKind(status, ErrorKind::kConflict)) {
    return WithHint(WithContext(status, report.source + ": " + committed),
                    "others change what this source replaces: run the same command again when they are done");
  }
  if (ErrnoOf(status) == ENOSPC || ErrnoOf(status) == EDQUOT) {
    return WithHint(
        WithContext(status, report.source + ": " + committed),
        fmt::format("the table needs about as much space as the source's {}; free it and run the same "
                    "command again",
                    HumanBytes(report.bytes)));
  }
  return commits == 0 ? status : WithContext(status, report.source + ": " + committed);
}

void TellOfUnselected(const IngestOptions& options, const IngestCall& call, IngestOutcome* outcome) {
  const auto& symbols = options.selection.symbols;
  for (size_t i = 0; i < symbols.size(); ++i) {
    if (!call.HasMatched(i)) outcome->report.unmatched_symbols.push_back(symbols[i]);
  }
  if (options.selection.is_all() || call.has_matched_rows()) return;
  const auto sources = static_cast<int64_t>(outcome->report.sources.size());
  outcome->first_error = InvalidInput(fmt::format("nothing is selected: no row of {} is of {}",
                                                  Counted(sources, "source"), dbn::ToText(options.selection)),
                                      call.HintOf(options.selection));
  outcome->report.ok = false;
}

}  // namespace marquet::jobs

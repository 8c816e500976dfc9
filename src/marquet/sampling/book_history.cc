#include "marquet/sampling/book_history.h"

#include <fmt/format.h>

#include <algorithm>

#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/sampling/book_sequence.h"

namespace marquet::sampling {

void BookHistory::Note(const std::string& source, int64_t version) {
  const auto [at, is_new] = since_.try_emplace(source, version);
  if (!is_new) at->second = std::min(at->second, version);
}

bool BookHistory::Had(const std::string& source, int64_t version) const {
  const auto since = since_.find(source);
  return since != since_.end() && since->second <= version;
}

arrow::Status BookHistory::Read(int64_t version) {
  const auto book = table::Table::Open(book_.fs(), book_.path(), version);
  if (book.ok()) {
    for (const std::string& source : BookSources(**book)) Note(source, version);
    read_.insert(version);
  } else if (IsKind(book.status(), ErrorKind::kNotFound)) {
    out_of_reach_.insert(version);
  } else {
    return book.status();
  }
  return arrow::Status::OK();
}

arrow::Result<std::optional<std::string>> BookHistory::WhyNew(const std::string& source, int64_t version) {
  if (Had(source, version)) return std::nullopt;
  if (!read_.contains(version) && !out_of_reach_.contains(version)) ARROW_RETURN_NOT_OK(Read(version));
  if (Had(source, version)) return std::nullopt;
  if (out_of_reach_.contains(version)) {
    return fmt::format("has rows of the source {}, and the log no longer tells whether version {} had them",
                       Quoted(source), version);
  }
  return fmt::format("has rows of the source {}, which came after version {} that it was made of",
                     Quoted(source), version);
}

}  // namespace marquet::sampling

#include "marquet/ledger/held_source.h"

#include <algorithm>

#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/file/durable_file.h"
#include "marquet/ledger/source_json.h"

namespace marquet::ledger {
namespace {

constexpr int kRemainderFormat = 1;
constexpr const char* kRemainderDirectory = "_marquet/sources/left";

arrow::Status ReadRemainder(file::FileSystem& fs, const std::string& path, HeldSource* source) {
  auto text = file::ReadAll(fs, path);
  if (IsKind(text.status(), ErrorKind::kNotFound)) {
    return NotFound(path + ": is missing: it says what other sources left of " + source->description.name);
  }
  ARROW_RETURN_NOT_OK(text.status());
  const arrow::Status digest = CheckDigest(*text, path);
  ARROW_ASSIGN_OR_RAISE(const auto file, JsonFile::Parse(path, "what is left of a source", *std::move(text)));
  const JsonField root = file->root();
  const JsonField format = root.At("format");
  if (format.Integer<int>() != kRemainderFormat) format.Fail(fmt::format("format {}", kRemainderFormat));
  const JsonField id = root.At("id");
  if (id.String() != source->description.id) id.Fail("the id that is in the file's name");
  source->description.rows = root.At("rows").Integer<int64_t>();
  source->description.ranges = RangesOf(root.At("ranges"));
  source->replaced = ReplacedOf(root.At("replaced"));
  ARROW_RETURN_NOT_OK(file->status());
  return digest;
}

}  // namespace

void SourceLosses::Add(const HeldSource& source, bool has_files) {
  rows_ += source.rows_ingested;
  rows_left_ += has_files ? source.description.rows : 0;
  for (const ReplacedRange& range : source.replaced) {
    if (std::find(by_.begin(), by_.end(), range.by) == by_.end()) by_.push_back(range.by);
  }
}

std::string SourceLosses::ToText() const {
  return fmt::format("{} of {} were replaced{}{}", WithCommas(rows_ - rows_left_), Counted(rows_, "row"),
                     by_.empty() ? "" : " by ", fmt::join(by_, ", "));
}

std::string RemainderAppId(std::string_view id) { return std::string(kRemainderAppPrefix) + std::string(id); }

std::string RemainderPath(std::string_view id, int64_t number) {
  return file::JoinPath(kRemainderDirectory, fmt::format("{}-{}.json", id, number));
}

arrow::Result<HeldSource> ReadHeldSource(file::FileSystem& fs, const std::string& table,
                                         const delta::Snapshot& snapshot, const std::string& id) {
  HeldSource source;
  ARROW_ASSIGN_OR_RAISE(source.description, ReadSourceDescription(fs, table, snapshot, id));
  source.rows_ingested = source.description.rows;
  const delta::Transaction* remainder = snapshot.transactions.Find(RemainderAppId(id));
  if (remainder != nullptr) {
    const std::string path = file::JoinPath(table, RemainderPath(id, remainder->version));
    ARROW_RETURN_NOT_OK(ReadRemainder(fs, path, &source));
  }
  SourceDescription& description = source.description;
  if (description.summary.selection.held > 0) {
    std::vector<dbn::Selection> held;
    for (const BroughtPart& part : description.earlier) held.push_back(part.selection);
    description.ranges = RangesOutside(description.ranges, held);
  }
  return source;
}

arrow::Result<std::optional<SourceDescription>> ReadNewestIngest(file::FileSystem& fs,
                                                                 const std::string& table,
                                                                 const delta::Snapshot& snapshot,
                                                                 const std::string& digest) {
  const delta::Transaction* stored = snapshot.transactions.Find(SourceAppId(digest));
  if (stored == nullptr || stored->version % 2 == 0) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(auto newest,
                        ReadSourceDescription(fs, table, snapshot, SourceId(digest, stored->version)));
  return newest;
}

arrow::Result<int64_t> WriteRemainder(const std::shared_ptr<file::FileSystem>& fs, const std::string& table,
                                      const delta::Snapshot& snapshot, const HeldSource& source) {
  const SourceDescription& description = source.description;
  const std::string text = WithDigest({{"format", kRemainderFormat},
                                       {"id", description.id},
                                       {"rows", description.rows},
                                       {"ranges", RangesToJson(description.ranges)},
                                       {"replaced", ReplacedToJson(source.replaced)}});
  ARROW_RETURN_NOT_OK(file::CreateDirectories(*fs, file::JoinPath(table, kRemainderDirectory)));
  return WriteNumbered(
      fs, table, snapshot, RemainderAppId(description.id),
      [&](int64_t number) { return RemainderPath(description.id, number); }, text);
}

}  // namespace marquet::ledger

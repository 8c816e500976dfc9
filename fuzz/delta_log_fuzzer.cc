// Text that claims to be of a transaction log: a commit, a checkpoint in JSON, a schema, statistics.
//
// Whatever is accepted must survive being written and read once more: the second reading gives the same text.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "arrow/api.h"
#include "marquet/delta/commit_json.h"
#include "marquet/delta/replay.h"
#include "marquet/delta/schema.h"
#include "marquet/delta/statistics.h"
#include "marquet/delta/table_features.h"

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void Commit(std::string_view text) {
  const auto info = marquet::delta::CommitInfoFromJson(text, "commit");
  auto checkpoint = marquet::delta::CheckpointFromJson(text, "checkpoint");
  auto actions = marquet::delta::CommitFromJson(text, "commit");
  Require(actions.ok() == checkpoint.ok());
  if (!actions.ok()) return;
  Require(info.ok());
  const auto written = marquet::delta::CommitToJson(*actions);
  Require(written.ok());
  const auto again = marquet::delta::CommitFromJson(*written, "again");
  Require(again.ok() && again->size() == actions->size());
  Require(*marquet::delta::CommitToJson(*again) == *written);

  marquet::delta::Replay replay;
  replay.Apply(0, 0, *actions);
  replay.Apply(1, 0, std::move(*actions));
  const auto snapshot = replay.Finish();
  if (!snapshot.ok()) return;
  static_cast<void>(marquet::delta::CheckWritable((*snapshot)->protocol, (*snapshot)->metadata));
  for (const auto& file : (*snapshot)->files) {
    if (!file->stats.empty()) {
      static_cast<void>(marquet::delta::StatisticsOf(*file, *(*snapshot)->schema));
    }
    for (const std::string& column : (*snapshot)->metadata.partition_columns) {
      const auto value = file->partition_values.find(column);
      const auto field = (*snapshot)->schema->GetFieldByName(column);
      if (value == file->partition_values.end() || !value->second || field == nullptr) continue;
      static_cast<void>(marquet::delta::PartitionValueFromText(*value->second, field->type()));
    }
  }
}

void Schema(std::string_view text) {
  const auto schema = marquet::delta::SchemaFromJson(text);
  if (!schema.ok()) return;
  const auto written = marquet::delta::SchemaToJson(**schema);
  if (!written.ok()) return;  // times without a zone are read, never written
  const auto again = marquet::delta::SchemaFromJson(*written);
  Require(again.ok() && *marquet::delta::SchemaToJson(**again) == *written);
}

void Statistics(std::string_view text) {
  static const auto schema = arrow::schema({
      arrow::field("i", arrow::int64()),
      arrow::field("b", arrow::int8()),
      arrow::field("f", arrow::float32()),
      arrow::field("s", arrow::utf8()),
      arrow::field("d", arrow::date32()),
      arrow::field("t", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")),
      arrow::field("n", arrow::decimal128(20, 3)),
  });
  for (const auto writer :
       {marquet::delta::StatisticsWriter::kMarquet, marquet::delta::StatisticsWriter::kOther}) {
    const auto statistics = marquet::delta::StatisticsFromJson(text, *schema, writer);
    if (!statistics.ok()) return;
    const std::string written =
        marquet::delta::StatisticsToJson(statistics->rows.value_or(0), statistics->columns);
    Require(marquet::delta::StatisticsFromJson(written, *schema, marquet::delta::StatisticsWriter::kMarquet)
                .ok());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Commit(text);
  Schema(text);
  Statistics(text);
  return 0;
}

#include <algorithm>

#include <fmt/format.h>

#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "arrow/util/key_value_metadata.h"
#include "marquet/base/error.h"
#include "marquet/base/log.h"
#include "marquet/base/text.h"
#include "marquet/output/published_rows_internal.h"
#include "marquet/output/row_schema_internal.h"
#include "marquet/output/rows_of_files_internal.h"
#include "marquet/output/undecided_types_internal.h"
#include "marquet/parquet/decode/reader.h"
#include "parquet/metadata.h"
#include "spdlog/logger.h"

namespace marquet::output {
namespace {

constexpr int kDeepestFolder = 16;  // below the output folder; names in templates do not go deeper

class OrphanWalk {
 public:
  OrphanWalk(const std::shared_ptr<file::FileSystem>& fs, const Orphans& orphans)
      : fs_(fs), orphans_(orphans) {}

  arrow::Status Walk(const std::string& within, int depth) {
    const std::string directory = within.empty() ? orphans_.folder : file::JoinPath(orphans_.folder, within);
    ARROW_ASSIGN_OR_RAISE(const auto entries, fs_->List(directory));
    for (const file::FileInfo& entry : entries) {
      if (entry.path.starts_with('.') || (within.empty() && entry.path == "_marquet")) continue;
      const std::string path = within.empty() ? entry.path : within + "/" + entry.path;
      if (entry.is_directory) {
        if (depth < kDeepestFolder) ARROW_RETURN_NOT_OK(Walk(path, depth + 1));
      } else if (orphans_.name_template->Matches(path, orphans_.known)) {
        ARROW_RETURN_NOT_OK(RetireOrphan(fs_, orphans_, path).status());
      }
    }
    return arrow::Status::OK();
  }

 private:
  const std::shared_ptr<file::FileSystem>& fs_;
  const Orphans& orphans_;
};

// One rename, after which both directories are synced: a crash leaves the file under one name or the other.
arrow::Status Retire(const std::shared_ptr<file::FileSystem>& fs, const Orphans& orphans,
                     const std::string& name) {
  const std::string retired = file::JoinPath(file::JoinPath(orphans.folder, "_marquet"), "retired");
  ARROW_RETURN_NOT_OK(file::CreateDirectories(*fs, retired));
  const std::string from = file::JoinPath(orphans.folder, name);
  const std::string base = fmt::format("{}-{}-{}", orphans.run, orphans.attempt, UriEncode(name, ""));
  std::string to;
  for (int again = 1;; ++again) {  // a process that lost the output may have left the same name twice
    // Not "*.parquet": readers that look into every folder must not find it.
    to = file::JoinPath(retired, again == 1 ? base + ".retired" : fmt::format("{}-{}.retired", base, again));
    const arrow::Status moved = fs->PublishNew(from, to);
    if (moved.ok()) break;
    // Its own writer, which failed, has just removed it.
    if (IsKind(moved, ErrorKind::kNotFound)) return arrow::Status::OK();
    if (!IsKind(moved, ErrorKind::kAlreadyExists)) return moved;
  }
  ARROW_RETURN_NOT_OK(fs->SyncDirectory(retired));
  ARROW_RETURN_NOT_OK(fs->SyncDirectory(file::ParentPath(from)));
  Log().warn("{}: published by an attempt that ended before its chunk did; set aside as {}", from, to);
  return arrow::Status::OK();
}

// Published rows and the same number of others in one schema: what has values in the one may be all null, or
// no column, in the other. kSchema where there is none.
struct Comparable {
  std::shared_ptr<arrow::RecordBatch> published, rows;
};

arrow::Result<Comparable> InOneSchema(const std::shared_ptr<arrow::RecordBatch>& published,
                                      const std::shared_ptr<arrow::RecordBatch>& rows) {
  const auto in =
      [](const std::shared_ptr<arrow::RecordBatch>& batch,
         const std::shared_ptr<arrow::Schema>& schema) -> arrow::Result<std::shared_ptr<arrow::RecordBatch>> {
    if (batch->schema()->Equals(*schema, /*check_metadata=*/false)) return batch;
    ARROW_ASSIGN_OR_RAISE(const auto coercion, FitRows(batch->schema(), schema));
    return coercion.Apply(*batch);
  };
  const auto schema = Decided(published->schema(), *rows->schema(), rows->schema()->field_names());
  Comparable both;
  ARROW_ASSIGN_OR_RAISE(both.published, in(published, schema));
  ARROW_ASSIGN_OR_RAISE(both.rows, in(rows, schema));
  return both;
}

// The first row in which two batches of equal length differ, or nothing.
std::optional<int64_t> FirstDifference(const arrow::RecordBatch& a, const arrow::RecordBatch& b) {
  const auto same = arrow::EqualOptions::Defaults().nans_equal(true).signed_zeros_equal(false);
  if (a.Equals(b, /*check_metadata=*/false, same)) return std::nullopt;
  int64_t begin = 0, end = a.num_rows();  // rows before `begin` are the same; the difference is before `end`
  while (end - begin > 1) {
    const int64_t half = (end - begin) / 2;
    const bool first_same =
        a.Slice(begin, half)->Equals(*b.Slice(begin, half), /*check_metadata=*/false, same);
    (first_same ? begin : end) = begin + half;
  }
  return begin;
}

}  // namespace

bool IsOfRun(const std::shared_ptr<file::FileSystem>& fs, const std::string& path, const std::string& run) {
  const auto reader = pq::FileReader::Open(fs, path);
  if (!reader.ok()) return false;
  const auto metadata = (*reader)->footer()->key_value_metadata();
  if (metadata == nullptr) return false;
  const auto found = metadata->Get(kRunKey);
  return found.ok() && *found == run;
}

arrow::Status RetireOrphans(const std::shared_ptr<file::FileSystem>& fs, const Orphans& orphans) {
  return OrphanWalk(fs, orphans).Walk("", 0);
}

arrow::Result<bool> RetireOrphan(const std::shared_ptr<file::FileSystem>& fs, const Orphans& orphans,
                                 const std::string& name) {
  if (orphans.recorded.contains(name)) return false;
  const std::string path = file::JoinPath(orphans.folder, name);
  if (!IsOfRun(fs, path, orphans.run)) {
    ARROW_ASSIGN_OR_RAISE(const bool exists, file::Exists(*fs, path));
    return !exists;
  }
  ARROW_RETURN_NOT_OK(Retire(fs, orphans, name));
  return true;
}

arrow::Status CheckSameRows(const std::shared_ptr<file::FileSystem>& fs,
                            const std::vector<std::string>& published, const std::vector<std::string>& again,
                            bool prefix) {
  RowsOfFiles old_rows(fs, published), new_rows(fs, again);
  std::shared_ptr<arrow::RecordBatch> a, b;
  int64_t row = 0;
  const auto differs = [&](std::string_view how) {
    return Conflict(
        fmt::format("{}: row {} {}", published.empty() ? again.front() : published.front(), row, how),
        "Published files do not change. Was the input, or what is made of it, the same as before?");
  };
  while (true) {
    if (a == nullptr) {
      ARROW_ASSIGN_OR_RAISE(a, old_rows.Next());
    }
    if (b == nullptr) {
      ARROW_ASSIGN_OR_RAISE(b, new_rows.Next());
    }
    if (b == nullptr && (a == nullptr || prefix)) return arrow::Status::OK();
    if (b == nullptr) return differs("was published and is not among the rows written again");
    if (a == nullptr) return differs("is written again as part of a chunk that was published without it");
    const int64_t rows = std::min(a->num_rows(), b->num_rows());
    const auto both = InOneSchema(a->Slice(0, rows), b->Slice(0, rows));
    if (!both.ok()) {
      return differs(fmt::format("was published with the schema {}; it is now {}", a->schema()->ToString(),
                                 b->schema()->ToString()));
    }
    if (const auto at = FirstDifference(*both->published, *both->rows)) {
      row += *at;
      return differs("was published with other values than it has now");
    }
    row += rows;
    a = a->num_rows() == rows ? nullptr : a->Slice(rows);
    b = b->num_rows() == rows ? nullptr : b->Slice(rows);
  }
}

}  // namespace marquet::output

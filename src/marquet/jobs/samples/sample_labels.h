// The labels of a samples table: where they are stored. Internal to the room.
//
// The boundaries of a symbol lie in `_marquet/labels/digests/DIGEST.json`, and DIGEST stands in the column
// `labels_digest` of its samples: so they come into force, and go, with the commit of these rows, whatever
// happens before and after it.
//
//   1. The lock of the labels is taken. Who has it may remove        Crash: the lock goes with the process.
//      labels that no version refers to (`marquet clean`), or
//      store some that a version will refer to.
//   2. What the samples will refer to is stored by digest.           Crash: the samples are as they were, and
//                                                                    so is what they refer to. `marquet
//                                                                    clean` removes what no sample refers to.
//   3. The samples are committed, and the lock is given back.        Crash: new samples, new boundaries.
//   4. All boundaries are copied to `_marquet/labels/NAME.json`,     Crash: whoever opens the table next
//      for people, as a follow-up of the commit                      finishes it.
//      (table/follow_up.h). The copy is trusted only where a file
//      by digest is missing, as in older tables, and only with
//      that digest.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>

#include "arrow/result.h"
#include "arrow/status.h"
#include "marquet/depth/labels.h"
#include "marquet/file/file_system.h"
#include "marquet/jobs/samples/build_samples.h"

namespace marquet::jobs {

using Labels = std::map<std::string, depth::FittedLabels>;  // by symbol

constexpr const char* kLabelsByDigest = "_marquet/labels/digests";  // in the table's directory

// Letters, digits, '-', '_' and '.', not at the start: the name becomes a file's.
arrow::Status CheckLabelsName(const std::string& name);

// Names a fitted set of labels: what they do and how they were made, not out of which version of the data.
std::string LabelsDigest(const depth::FittedLabels& fitted);

// The labels with these digests, by symbol. kCorruptData when they are not there, or not what they were.
arrow::Result<Labels> FindLabels(file::FileSystem& fs, const std::string& samples, const std::string& name,
                                 const std::map<std::string, std::string>& digests);

// Whether a table has samples' columns.
bool HoldsSamples(const arrow::Schema& schema);

// Looks at the boundaries behind the samples of a version: tells `found` the file of each, relative to the
// table, and how FindLabels fares with it, which a status of `found` ends. kCorruptData where samples of a
// symbol were labelled in more than one way; errors of reading samples.
using FoundLabels = std::function<arrow::Status(const std::string& file, const arrow::Status& status)>;
arrow::Status CheckLabels(file::FileSystem& fs, const table::Table& samples, const FoundLabels& found);

// The lock of a table's labels; makes their directory. kConflict, without waiting, while another process or
// thread has it, which the message names.
arrow::Result<std::unique_ptr<file::FileLock>> LockLabels(file::FileSystem& fs, const std::string& samples);

// The same, waiting for others: they hold it for as long as storing a few small files takes, or looking
// through the table once more. kConflict when it takes longer than a minute.
arrow::Result<std::unique_ptr<file::FileLock>> WaitForLabels(file::FileSystem& fs, const std::string& samples,
                                                             const StopFlag* stop);

// Under the lock: stores labels by digest. Durable when it returns OK. Files of digests that samples refer to
// already
// (`in_use`) stay as they are; others are written again, so that they are young when `marquet clean` looks.
arrow::Status StoreLabels(const std::shared_ptr<file::FileSystem>& fs, const std::string& samples,
                          const Labels& labels, const std::set<std::string>& in_use);

// The copy of all of them: its text, its path in the table, and whether it is there (not, when it cannot be
// read).
std::string LabelSetToJson(const Labels& labels);
std::string LabelSetPath(const std::string& name);
bool HasLabelSet(file::FileSystem& fs, const std::string& samples, const std::string& name,
                 const std::string& text);

// True when both windows of the row give a mean under the policy of the spec.
bool WindowsAreValid(std::span<const int64_t> bid, std::span<const int64_t> ask, int64_t row,
                     const depth::LabelSpec& spec);

}  // namespace marquet::jobs

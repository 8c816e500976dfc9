// Writes rows into files that are named by a template, chunk after chunk, and survives whatever happens.
//
// Every file appears under its name only when it is complete, synced and verified, and is never touched
// again, unless a column had no value in it and gets its type later: then a whole file with the same rows
// takes its place. Rows belong to chunks; a chunk's files are published when it ends, while later chunks are
// being written, and its place in the manifest is what makes it done. A second writer with the same input,
// template, rank and chunk size goes on after that: what was published before the manifest told of it is set
// aside (`_marquet/retired/`), never mixed in.
//
// Of several writers at one output (a template with its rank filled in) one is at work; see
// writer_manifest.h.
//
// Thread safe: calls take turns. After an error every call returns it again, until Abort(), and another
// writer may have the output.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/file/file_system.h"
#include "marquet/output/output_template.h"
#include "marquet/output/rolling_options.h"
#include "marquet/output/writer_manifest.h"

namespace marquet::output {

// Where rows go: which chunk, and values for the template's other keys.
struct RowTarget {
  std::optional<int64_t> chunk = {};  // without one: counted by records_per_chunk
  TemplateValues values = {};
};

// Rows are either committed or not; nothing is counted twice. At Close():
// accepted = committed + replayed.
struct RollingCounts {
  int64_t accepted = 0;   // rows that Write took
  int64_t committed = 0;  // of these, rows in files that the manifest lists
  int64_t replayed = 0;   // of these, rows equal to ones that were published before
  int64_t dropped = 0;    // records that Drop counted
  int64_t rejected = 0;   // rows that Write refused
};

struct RollingReport {
  RollingCounts counts;
  std::vector<PublishedFile> files;  // of this writer
  int64_t files_before = 0;          // of earlier attempts
  // Of `files`, those with another schema than the one asked for, or else the first that was published: they
  // do not open together with the rest.
  std::vector<std::string> schema_changes;
  int64_t bytes = 0;  // of `files`
};

class RollingWriter {
 public:
  // Makes the folder, claims the output, and sets aside what earlier attempts left unfinished. Errors:
  // kInvalidInput (options that contradict each other; another input, chunk size, template, rank or schema
  // than the output was begun with, saying what differs; a folder that is a table or lies in one), kConflict
  // (another process is at work), kAlreadyExists (the output was begun and no input is given), kCorruptData
  // (a damaged manifest; a published file that is gone or of another size), kStorage.
  static arrow::Result<std::unique_ptr<RollingWriter>> Open(std::shared_ptr<file::FileSystem> fs,
                                                            RollingOptions options);
  ~RollingWriter();  // aborts when not closed

  // Adds rows. A batch that crosses chunks counted by records_per_chunk is divided; an error between keeps
  // the chunks before it. kSchema for rows that do not fit the schema, kInvalidInput for a name that cannot
  // be, kAlreadyExists for a name that somebody else's file has.
  arrow::Status Write(const std::shared_ptr<arrow::RecordBatch>& batch, const RowTarget& target = {});

  // Counts records of a chunk that are left out on purpose. kInvalidInput for more than a chunk takes that is
  // named, and for a chunk that this writer has published.
  arrow::Status Drop(int64_t records, const RowTarget& target = {});

  // kInvalidInput for a target that Write refuses: its name cannot be. Changes nothing.
  arrow::Status CheckTarget(const RowTarget& target) const;

  // The name that rows of a target go to (of its first part when there are several), and remembers it for
  // CloseFile.
  arrow::Result<std::string> NameOf(const RowTarget& target);

  // Hands rows that are still in memory to the temporary files, where a rescue finds them. Publishes nothing.
  arrow::Status Flush();

  // Publishes a chunk: all of its files, then its entry in the manifest. Harmless when it is published.
  arrow::Status CloseChunk(int64_t chunk);

  // Publishes the chunk that a name belongs to; where rows have no chunks, the file of that name. Harmless
  // for names that are published or were never heard of.
  arrow::Status CloseFile(const std::string& name);

  // Publishes what is left and marks the output as finished.
  arrow::Result<RollingReport> Close();

  // Removes everything that is not published. Harmless after Close().
  arrow::Status Abort();

  // Says that the first record will be next_record(), which it returns. Without it records are counted from
  // the input's beginning, and those that are published already must come again as they were.
  arrow::Result<int64_t> Resume();

  // How many records of the input, from its beginning, need not be given again. With records_per_chunk: those
  // before the first chunk that is missing, or all when the output is finished; else 0.
  int64_t next_record() const;
  // How many records a chunk takes until records_per_chunk ends it; a chunk that was published, as many as
  // one takes from its beginning. Nothing where chunks are not counted. Without a chunk: the one that is
  // next.
  std::optional<int64_t> room(std::optional<int64_t> chunk) const;
  bool finished() const;  // by an earlier attempt
  // A UUID that all attempts at one output share.
  const std::string& run() const;
  // Chunks that are published, ascending.
  std::vector<int64_t> published_chunks() const;
  RollingCounts counts() const;
  // The rows' schema; a null pointer while it is unknown.
  std::shared_ptr<arrow::Schema> schema() const;

 private:
  class Impl;
  explicit RollingWriter(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace marquet::output

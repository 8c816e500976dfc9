// A file in the table's `_marquet` that changes together with a commit: a copy, for people and other
// programs, of what the rows say. It takes its name behind the commit, and where the writer is killed in
// between, whoever opens the table next gives it the name.
//
//   1. What earlier commits left is finished (5 and 6 of theirs).     Crash: as before.
//   2. The bytes are stored beside FILE under a temporary name,       Crash: a temporary file, which `marquet
//      durable.                                                       clean` removes.
//   3. A note is stored in `_marquet/follow-ups`, under the name of   Crash: the same, and a note that no
//      the temporary file with ".journal", durable: {"format": 1,     commit proves: nobody follows it, and
//      "file": FILE, "number": N}.                                    `marquet clean` removes it.
//   4. The commit, with version N of the application                  Crash: new rows, the old file: whoever
//      "marquet.followUp".                                            opens the table does 5 and 6.
//   5. The log's directory is synced, unless by the commit itself:    Crash: as before, or the new file; the
//      what follows must not outlive it. The temporary file is        next to open finds no temporary file,
//      renamed to FILE, and the directory synced.                     syncs, does 6.
//   6. The note is removed.                                           Crash: done; after a power cut the note
//                                                                     may be back, for which 5 is done.
//
// A note is followed only while the newest version of the table has its N: then the commit has happened, and
// no other with a follow-up came behind it. N is one more than the one before in its upper bits and drawn in
// its lower ones, so that two writers who begin at one version do not share it, and only one of them commits.
//
// An old note never replaces a newer file, however late the one who follows it is: before a commit with N is
// begun, the temporary files of those before are gone for good (1), and a rename takes place once. Of several
// who follow one note, those who find the temporary file or the note gone know that it was done.
//
// Notes are input. One that is not as above, or leads out of `_marquet`, is not followed. The temporary name
// is made of the note's own and must be FILE's, so that a link in `_marquet` leads to no other files.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "arrow/result.h"
#include "arrow/status.h"
#include "marquet/delta/log.h"
#include "marquet/file/file_system.h"
#include "marquet/table/table.h"

namespace marquet::table {

constexpr std::string_view kFollowUps = "_marquet/follow-ups";  // the notes' directory in the table's

// One note and what it is about. Owned by one thread at a time. Its end changes nothing: what is neither
// finished nor discarded is left as after a crash, which is right for a commit of which nothing is known.
class FollowUp {
 public:
  // Steps 1 to 3, as of the version that the table stands at, which the append must have begun at. `file` is
  // relative to the table, in its `_marquet`. kInvalidInput for another.
  static arrow::Result<FollowUp> Prepare(const Table& table, const std::string& file, std::string_view bytes);

  // To be recorded by the commit (Appender::Record).
  const delta::Transaction& transaction() const { return transaction_; }

  arrow::Status Finish();  // steps 5 and 6: behind the commit
  void Discard();          // when the commit was refused; what cannot be removed is left for `marquet clean`

 private:
  friend class FollowUpNotes;
  FollowUp() = default;

  std::shared_ptr<file::FileSystem> fs_;
  std::string note_, temporary_, file_;  // paths
  delta::Transaction transaction_;
};

// Whether there are notes, of whatever kind.
arrow::Result<bool> HasFollowUps(file::FileSystem& fs, const std::string& table);

// Steps 5 and 6 of what killed writers left: of the notes that this snapshot, the newest, proves. Errors of
// the storage are returned, and leave the rest as it is.
arrow::Status FinishFollowUps(const std::shared_ptr<file::FileSystem>& fs, const std::string& table,
                              const delta::Snapshot& newest);

}  // namespace marquet::table

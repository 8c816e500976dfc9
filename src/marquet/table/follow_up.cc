#include "marquet/table/follow_up.h"

#include <optional>
#include <utility>

#include <fmt/format.h>
#include <spdlog/logger.h>

#include "marquet/base/error.h"
#include "marquet/base/exceptions.h"
#include "marquet/base/log.h"
#include "marquet/base/text.h"
#include "marquet/delta/json_document.h"
#include "marquet/delta/json_text.h"
#include "marquet/file/durable_file.h"
#include "marquet/file/temporary_name.h"

namespace marquet::table {
namespace {

constexpr std::string_view kOwn = "_marquet/";
constexpr const char* kAppId = "marquet.followUp";
constexpr int64_t kFormat = 1;
constexpr int64_t kHighestCount = INT32_MAX;  // in the upper bits of a commit's number
constexpr int64_t kLongestNote = 4'096;
constexpr std::string_view kTemporary = ".tmp", kNote = ".journal";

// A name of plain parts below `_marquet`, not among the notes.
bool IsOwnFile(std::string_view file) {
  if (!file.starts_with(kOwn) || file.find('\0') != std::string_view::npos) return false;
  if (file::ParentPath(file).starts_with(kFollowUps)) return false;
  for (std::string_view rest = file;;) {
    const size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    if (part.empty() || part.starts_with('.')) return false;
    if (slash == std::string_view::npos) return true;
    rest.remove_prefix(slash + 1);
  }
}

// The temporary file beside `file` that the note of this name is about; nothing when the name is that of no
// note, or of a note about a file of another name.
std::optional<std::string> TemporaryOf(const std::string& note, const std::string& file) {
  const auto parsed = file::ParseTemporaryName(note);
  if (!parsed || !parsed->journal || parsed->final_name != file::FileName(file)) return {};
  const std::string stem = note.substr(0, note.size() - kNote.size());
  return file::JoinPath(file::ParentPath(file), stem + std::string(kTemporary));
}

std::string NoteText(const std::string& file, int64_t number) {
  std::string text = "{\"format\": 1, \"file\": ";
  delta::AppendJsonString(file, &text);
  text += ", \"number\": ";
  delta::AppendInteger(number, &text);
  return text + "}\n";
}

// As the header says: it is above the one before, and nobody else's.
arrow::Result<int64_t> NumberAfter(const std::string& table, const delta::Transaction* before) {
  const int64_t count = before == nullptr ? 0 : before->version >> 32;
  if (count >= kHighestCount) {
    return CorruptData(fmt::format("{}: the version {} of the application {} leaves no higher one",
                                   file::JoinPath(table, "_delta_log"), before->version, Quoted(kAppId)),
                       "Marquet did not commit it. Restore the log from a copy, or write the rows to a new "
                       "table.");
  }
  const auto drawn = static_cast<int64_t>(std::stoull(RandomUuid().substr(0, 8), nullptr, 16));
  return (count + 1) << 32 | drawn;
}

arrow::Status UnlessGone(const arrow::Status& status) {
  return IsKind(status, ErrorKind::kNotFound) ? arrow::Status::OK() : status;
}

}  // namespace

class FollowUpNotes {
 public:
  FollowUpNotes(const std::shared_ptr<file::FileSystem>& fs, const std::string& table)
      : fs_(fs), table_(table) {}

  FollowUp Make(const std::string& note, const std::string& file, const std::string& temporary,
                int64_t number) const {
    FollowUp made;
    made.fs_ = fs_;
    made.note_ = file::JoinPath(table_, file::JoinPath(kFollowUps, note));
    made.file_ = file::JoinPath(table_, file);
    made.temporary_ = file::JoinPath(table_, temporary);
    made.transaction_ = {kAppId, number, std::nullopt};
    return made;
  }

  // Nothing when it is gone, and for a note that is not to be followed.
  arrow::Result<std::optional<FollowUp>> Read(const std::string& note) const {
    const std::string path = file::JoinPath(table_, file::JoinPath(kFollowUps, note));
    const auto text = file::ReadAll(*fs_, path, kLongestNote);
    if (IsKind(text.status(), ErrorKind::kNotFound)) return std::nullopt;
    if (IsKind(text.status(), ErrorKind::kInvalidInput)) return Refused(path, text.status().message());
    ARROW_RETURN_NOT_OK(text.status());
    const auto document = delta::JsonDocument::Parse(*text);
    if (!document.ok()) return Refused(path, document.status().message());
    const auto root = document->root();
    const auto format = root.Find("format"), file = root.Find("file"), number = root.Find("number");
    if (!format || format->Integer() != kFormat || !file || !file->String() || !number ||
        !number->Integer()) {
      return Refused(path, "it is no note of format 1");
    }
    const std::string name(*file->String());
    if (!IsOwnFile(name)) return Refused(path, Quoted(name) + " is no file that one may be about");
    const auto temporary = TemporaryOf(note, name);
    if (!temporary) return Refused(path, "its own name is not that of a note about " + Quoted(name));
    return Make(note, name, *temporary, *number->Integer());
  }

  arrow::Status Finish(const delta::Snapshot& newest) const {
    const auto names = fs_->ListNames(file::JoinPath(table_, kFollowUps));
    if (!names.ok()) return UnlessGone(names.status());
    bool committed = false;  // for good
    for (const std::string& name : *names) {
      if (const auto parsed = file::ParseTemporaryName(name); !parsed || !parsed->journal) continue;
      ARROW_ASSIGN_OR_RAISE(auto note, Read(name));
      if (!note) continue;
      const delta::Transaction* stored = newest.transactions.Find(kAppId);
      if (stored == nullptr || stored->version != note->transaction().version) continue;
      // Whoever committed it may have been killed before syncing the log.
      if (!committed) ARROW_RETURN_NOT_OK(fs_->SyncDirectory(file::JoinPath(table_, "_delta_log")));
      committed = true;
      ARROW_RETURN_NOT_OK(note->Finish());
    }
    return arrow::Status::OK();
  }

 private:
  static std::optional<FollowUp> Refused(const std::string& path, const std::string& why) {
    Log().warn("{}: this note is not followed: {}", path, why);
    return std::nullopt;
  }

  const std::shared_ptr<file::FileSystem>& fs_;
  const std::string& table_;
};

arrow::Result<FollowUp> FollowUp::Prepare(const Table& table, const std::string& file,
                                          std::string_view bytes) {
  const auto& fs = table.fs();
  const auto snapshot = table.snapshot();
  const std::string temporary = file::MakeTemporaryPath(file);
  const std::string note = file::JournalPath(file::FileName(temporary));
  if (!IsOwnFile(file) || !TemporaryOf(note, file)) {
    return InvalidInput(fmt::format("{}: no file {} can follow a commit", table.path(), Quoted(file)));
  }
  ARROW_RETURN_NOT_OK(FinishFollowUps(fs, table.path(), *snapshot));
  ARROW_ASSIGN_OR_RAISE(const int64_t number, NumberAfter(table.path(), snapshot->transactions.Find(kAppId)));
  FollowUp made = FollowUpNotes(fs, table.path()).Make(note, file, temporary, number);
  const auto store = [&]() -> arrow::Status {
    ARROW_RETURN_NOT_OK(file::CreateDirectories(*fs, file::ParentPath(made.file_)));
    ARROW_RETURN_NOT_OK(file::CreateDirectories(*fs, file::ParentPath(made.note_)));
    ARROW_RETURN_NOT_OK(file::PutNew(fs, made.temporary_, bytes));
    return file::PutNew(fs, made.note_, NoteText(file, number));
  };
  if (const arrow::Status stored = Caught(made.file_, store); !stored.ok()) {
    made.Discard();
    return file::NotYetCommitted(stored);
  }
  return made;
}

arrow::Status FollowUp::Finish() {
  return Caught(file_, [&]() -> arrow::Status {
    // Whoever renamed it may have been killed before syncing.
    ARROW_RETURN_NOT_OK(UnlessGone(fs_->PublishReplacing(temporary_, file_)));
    ARROW_RETURN_NOT_OK(UnlessGone(fs_->SyncDirectory(file::ParentPath(file_))));
    return UnlessGone(fs_->Remove(note_));
  });
}

void FollowUp::Discard() {
  BestEffort([&] { return fs_->Remove(note_); });
  BestEffort([&] { return fs_->Remove(temporary_); });
}

arrow::Result<bool> HasFollowUps(file::FileSystem& fs, const std::string& table) {
  const auto names = fs.ListNames(file::JoinPath(table, kFollowUps));
  if (IsKind(names.status(), ErrorKind::kNotFound)) return false;
  ARROW_RETURN_NOT_OK(names.status());
  return !names->empty();
}

arrow::Status FinishFollowUps(const std::shared_ptr<file::FileSystem>& fs, const std::string& table,
                              const delta::Snapshot& newest) {
  return Caught(table, [&] { return FollowUpNotes(fs, table).Finish(newest); });
}

}  // namespace marquet::table

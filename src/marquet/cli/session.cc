#include "marquet/cli/session.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <nlohmann/json.hpp>

#include "marquet/base/error.h"
#include "marquet/base/log.h"
#include "marquet/base/readable.h"
#include "marquet/cli/json_log.h"
#include "marquet/cli/progress_bar.h"

namespace marquet::cli {
namespace {

StopFlag g_stop;
volatile sig_atomic_t g_signal = 0;

extern "C" void RequestStop(int signal) {
  g_signal = signal;
  g_stop.Request();
}

class StandardOutput final : public arrow::io::OutputStream {
 public:
  arrow::Status Write(const void* data, int64_t nbytes) override {
    if (std::fwrite(data, 1, static_cast<size_t>(nbytes), stdout) != static_cast<size_t>(nbytes)) {
      return StorageError(errno, "write", "standard output");
    }
    position_ += nbytes;
    return arrow::Status::OK();
  }
  using arrow::io::OutputStream::Write;
  arrow::Status Flush() override {
    if (std::fflush(stdout) != 0) return StorageError(errno, "write", "standard output");
    return arrow::Status::OK();
  }
  arrow::Status Close() override {
    closed_ = true;
    return Flush();
  }
  bool closed() const override { return closed_; }
  arrow::Result<int64_t> Tell() const override { return position_; }

 private:
  int64_t position_ = 0;
  bool closed_ = false;
};

bool IsStop(const arrow::Status& status) { return status.IsCancelled() && StopSignal() != 0; }

std::string KindOfError(const arrow::Status& status) {
  return IsStop(status) ? "stopped" : std::string(KindName(KindOf(status)));
}

// The message on one line; where it ends with a piece of text and a caret below, these on lines of their own.
std::string ErrorLine(const arrow::Status& status) {
  if (IsStop(status)) {
    const char* by = StopSignal() == SIGINT ? "Ctrl-C" : "SIGTERM";
    const bool bare = status.message() == g_stop.Check().message();
    return fmt::format("stopped by {}: {}", by,
                       bare ? "run the same command again to begin anew" : status.message());
  }
  const std::string& message = status.message();
  const size_t caret = message.rfind('\n');
  const size_t text = caret == std::string::npos || caret == 0 ? caret : message.rfind('\n', caret - 1);
  if (text == std::string::npos || message.find_first_not_of(' ', caret + 1) + 1 != message.size() ||
      message.back() != '^') {
    return OneLine(status);
  }
  return OneLine(status.WithMessage(message.substr(0, text))) + message.substr(text);
}

bool WantsColor(const std::string& choice) {
  if (choice != "auto") return choice == "always";
  return isatty(STDERR_FILENO) && std::getenv("NO_COLOR") == nullptr;
}

}  // namespace

struct Session::Bar {
  ProgressBar bar;
};

void InstallSignalHandlers() {
  struct sigaction action = {};
  action.sa_handler = RequestStop;
  sigemptyset(&action.sa_mask);
  action.sa_flags = static_cast<int>(SA_RESETHAND);  // the second signal takes the default action
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  signal(SIGXFSZ, SIG_IGN);  // a file size limit is then an error like any other: EFBIG
}

int StopSignal() { return g_signal; }

Session::Session(const CommonOptions& common)
    : common_(common),
      fs_(file::LocalFileSystem()),
      output_(std::make_shared<StandardOutput>()),
      color_(WantsColor(common.color)) {
  if (common.log_format == "json") {
    Log().sinks() = {MakeJsonSink()};
  } else {
    auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    sink->set_pattern("marquet: %l: %v");
    Log().sinks() = {std::move(sink)};
  }
  Log().set_level(common.quiet            ? spdlog::level::err
                  : common.verbosity >= 2 ? spdlog::level::debug
                  : common.verbosity == 1 ? spdlog::level::info
                                          : spdlog::level::warn);
  if (common.quiet) return;
  if (common.log_format == "json") {
    json_progress_ = std::make_shared<JsonProgress>();
  } else if (isatty(STDERR_FILENO)) {
    bar_ = std::make_shared<Bar>();
  }
}

Session::~Session() = default;

const StopFlag* Session::stop() const { return &g_stop; }

ProgressCallback Session::progress() {
  if (json_progress_) return [lines = json_progress_](const Progress& progress) { lines->Update(progress); };
  if (!bar_) return {};
  return [bar = bar_](const Progress& progress) { bar->bar.Update(progress); };
}

arrow::Status Session::Print(std::string_view text) {
  if (bar_) bar_->bar.Clear();
  const std::string readable = Readable(text);
  return output_->Write(readable.data(), static_cast<int64_t>(readable.size()));
}

void Session::PrintErrorLine(const arrow::Status& status) {
  if (common_.log_format == "json") {
    std::fputs(JsonErrorLine(ErrorLine(status), KindOfError(status), HintOf(status)).c_str(), stderr);
    return;
  }
  if (bar_) bar_->bar.Clear();
  const char* open = color_ ? "\033[1;31m" : "";
  const char* close = color_ ? "\033[0m" : "";
  std::string text = fmt::format("{}marquet:{} {}\n", open, close, ErrorLine(status));
  const std::string hint = HintOf(status);
  if (!hint.empty()) text += "hint: " + hint + "\n";
  std::fputs(Readable(text).c_str(), stderr);
}

void Session::PrintError(const arrow::Status& status) {
  PrintErrorLine(status);
  if (!common_.json || output_->Tell().ValueOr(0) > 0) return;
  const nlohmann::ordered_json root = {{"ok", false},
                                       {"error", Readable(ErrorLine(status))},
                                       {"kind", KindOfError(status)},
                                       {"hint", Readable(HintOf(status))}};
  arrow::Status printed = Print(root.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  if (printed.ok()) printed = output_->Close();
  if (!printed.ok()) PrintErrorLine(printed);
}

}  // namespace marquet::cli

#include "marquet/cli/json_log.h"

#include <cstdio>
#include <mutex>

#include <spdlog/sinks/base_sink.h>
#include <nlohmann/json.hpp>

#include "marquet/base/time.h"

namespace marquet::cli {
namespace {

using Json = nlohmann::ordered_json;

Json Line(std::string_view level, std::string_view message) {
  return {
      {"time", FormatNanos(NowNanos())}, {"level", std::string(level)}, {"message", std::string(message)}};
}

// Text that is not UTF-8, as of a damaged file, is replaced: a line is JSON whatever happens.
std::string Text(const Json& line) {
  return line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

class JsonSink final : public spdlog::sinks::base_sink<std::mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const auto level = spdlog::level::to_string_view(message.level);
    const std::string text = Text(
        Line({level.data(), level.size()}, std::string_view(message.payload.data(), message.payload.size())));
    std::fwrite(text.data(), 1, text.size(), stderr);
  }
  void flush_() override { std::fflush(stderr); }
};

}  // namespace

std::shared_ptr<spdlog::sinks::sink> MakeJsonSink() { return std::make_shared<JsonSink>(); }

std::string JsonErrorLine(const std::string& message, const std::string& kind, const std::string& hint) {
  Json line = Line("error", message);
  line["kind"] = kind;
  line["hint"] = hint;
  return Text(line);
}

void JsonProgress::Update(const Progress& progress) {
  const auto now = Clock::now();
  if (progress.phase == phase_ && now - told_ < std::chrono::seconds(1)) return;
  phase_ = progress.phase;
  told_ = now;
  Json line = Line("progress", progress.phase);
  line["rows"] = progress.rows;
  line["bytes"] = progress.bytes;
  if (progress.bytes_total > 0) line["bytes_total"] = progress.bytes_total;
  const std::string text = Text(line);
  std::fwrite(text.data(), 1, text.size(), stderr);
}

}  // namespace marquet::cli

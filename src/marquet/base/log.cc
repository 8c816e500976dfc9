#include "marquet/base/log.h"

#include <spdlog/spdlog.h>

namespace marquet {

spdlog::logger& Log() {
  static const std::shared_ptr<spdlog::logger> logger = [] {
    auto made = std::make_shared<spdlog::logger>("marquet");
    made->set_level(spdlog::level::info);
    return made;
  }();
  return *logger;
}

}  // namespace marquet

#include "cli/log.hpp"

#include "holdfast/spdlog.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>

#include <memory>

namespace holdfast::cli {

namespace {

spdlog::level::level_enum lowest_level(Verbosity verbosity) {
  switch (verbosity) {
    case Verbosity::quiet:
      return spdlog::level::err;
    case Verbosity::normal:
      return spdlog::level::warn;
    case Verbosity::verbose:
      return spdlog::level::debug;
  }
  return spdlog::level::warn;
}

}  // namespace

Log::Log(Verbosity verbosity) {
  // Not registered with spdlog: nobody else needs to find it by name.
  auto logger = std::make_shared<spdlog::logger>(
      "holdfast", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  logger->set_pattern("%n: %^%l%$: %v");
  logger->set_level(lowest_level(verbosity));
  logger->flush_on(spdlog::level::debug);
  function_ = log_to(std::move(logger));
}

}  // namespace holdfast::cli

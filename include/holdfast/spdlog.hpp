// An adapter for hosts that log through spdlog: OpenOptions::log from a spdlog logger.
//
//   auto db = holdfast::Database::open("app.holdfast", {.log = holdfast::log_to(spdlog::default_logger())});
//
// Opt-in: the one public header that needs spdlog, and not part of holdfast.hpp. The library itself
// neither includes nor links it.
//
// Errors   what a sink throws, spdlog gives to the logger's error handler
// Threads  those of the logger: one with sinks for several threads (..._mt)
#pragma once

#include "holdfast/options.hpp"

#include <spdlog/spdlog.h>

#include <memory>
#include <string_view>
#include <utility>

namespace holdfast {

inline spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

// Keeps the logger. Without one (nullptr) the library stays silent.
inline LogFunction log_to(std::shared_ptr<spdlog::logger> logger) {
  if (!logger) return nullptr;
  return [logger = std::move(logger)](LogLevel level, std::string_view message) {
    // As text, never as a format: braces in an id must not become arguments.
    logger->log(to_spdlog(level), spdlog::string_view_t(message.data(), message.size()));
  };
}

}  // namespace holdfast

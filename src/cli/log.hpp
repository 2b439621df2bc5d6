// Messages for the person at the terminal: standard error, "holdfast: error: ...".
//
// The one place that knows spdlog, which costs 4 s of compilation wherever it is included.
#pragma once

#include "holdfast/options.hpp"

#include <string_view>

namespace holdfast::cli {

enum class Verbosity { quiet, normal, verbose };

class Log {
 public:
  explicit Log(Verbosity verbosity);

  void error(std::string_view message) const { function_(LogLevel::error, message); }
  void warning(std::string_view message) const { function_(LogLevel::warning, message); }
  void info(std::string_view message) const { function_(LogLevel::info, message); }

  // For OpenOptions::log: what the library has to tell goes the same way.
  const LogFunction& function() const { return function_; }

 private:
  LogFunction function_;
};

}  // namespace holdfast::cli

// What verify and salvage call a finding.
#pragma once

#include "holdfast/maintain.hpp"

namespace holdfast::cli {

inline const char* name_of(Severity severity) {
  switch (severity) {
    case Severity::info:
      return "info";
    case Severity::warning:
      return "warning";
    case Severity::error:
      return "error";
  }
  return "error";
}

}  // namespace holdfast::cli

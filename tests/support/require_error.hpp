// That a call is refused, and with which code:
//
//   const ErrorDetail detail = test::require_error(ErrorCode::conflict, [&] { store.append(...); });
//   REQUIRE(detail.actual == 3);
#pragma once

#include "holdfast/error.hpp"
#include "support/catch.hpp"

#include <string>

namespace holdfast::test {

// How ErrorCode is printed by a failing comparison.
inline std::string name_of(ErrorCode code) {
  return std::string(to_string(code));
}

template <class Function>
ErrorDetail require_error(ErrorCode code, Function&& function) {
  try {
    function();
  } catch (const Error& error) {
    INFO(error.what());
    REQUIRE(name_of(error.code()) == name_of(code));
    return error.detail();
  }
  FAIL("expected " << name_of(code) << ", but nothing was refused");
  return {};
}

}  // namespace holdfast::test

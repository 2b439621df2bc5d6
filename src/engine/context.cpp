#include "engine/context.hpp"

#include "defect.hpp"
#include "engine/connection.hpp"
#include "holdfast/error.hpp"

namespace holdfast::engine {

namespace {
thread_local Context* innermost = nullptr;
}

Context::Context(const Engine& engine, Connection& connection, Kind kind, Durability durability)
    : engine_(engine),
      connection_(connection),
      kind_(kind),
      durability_(durability),
      outer_(innermost) {
  innermost = this;
}

Context::~Context() {
  innermost = outer_;
}

void Context::require_open() const {
  if (ended_by_) std::rethrow_exception(ended_by_);
  if (connection_.autocommit() && !planted("autocommit_not_asked")) {
    throw Error(ErrorCode::io, "the transaction was ended by an earlier error");
  }
}

Context* Context::find(const Engine& engine) noexcept {
  for (Context* context = innermost; context != nullptr; context = context->outer_) {
    if (&context->engine_ == &engine) return context;
  }
  return nullptr;
}

}  // namespace holdfast::engine

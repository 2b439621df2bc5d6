#include "engine/progress_hook.hpp"

#include <sqlite3.h>

#include <utility>

namespace holdfast::engine {

namespace {
// Of SQLite's virtual machine: a millisecond or so.
constexpr int kInstructions = 100'000;
}  // namespace

ProgressHook::ProgressHook(Connection& connection, std::function<bool()> go_on)
    : connection_(connection), go_on_(std::move(go_on)) {
  sqlite3_progress_handler(connection_.handle(), kInstructions, &ProgressHook::on_progress, this);
}

ProgressHook::~ProgressHook() {
  sqlite3_progress_handler(connection_.handle(), 0, nullptr, nullptr);
}

void ProgressHook::rethrow() const {
  if (error_) std::rethrow_exception(error_);
}

int ProgressHook::on_progress(void* self) noexcept {
  auto* hook = static_cast<ProgressHook*>(self);
  if (hook->gave_up_) return 1;
  try {
    hook->gave_up_ = !hook->go_on_();
  } catch (...) {
    hook->error_ = std::current_exception();
    hook->gave_up_ = true;
  }
  return hook->gave_up_ ? 1 : 0;
}

}  // namespace holdfast::engine

#include "engine/opening.hpp"

#include "engine/open_files.hpp"
#include "holdfast/error.hpp"

#include <exception>
#include <utility>

namespace holdfast::engine {

std::shared_ptr<Opening> Opening::make(std::shared_ptr<Engine> engine) {
  std::shared_ptr<Opening> itself(new Opening(std::move(engine)));
  itself->itself_ = itself;
  Opening* opening = itself.get();
  std::shared_ptr<Opening> owner(opening,
                                 [itself = std::move(itself)](Opening* ended) { ended->end(); });
  owner->calls_.store(0);
  return owner;
}

Opening::Call::Call(const Opening& opening) : opening_(opening) {
  opening.check_process();
  const std::uint64_t before = opening.calls_.fetch_add(1);
  if ((before & kClosed) == 0 || opening.engine_->in_transaction()) return;
  opening.leave();
  throw Error(ErrorCode::closed, "the database was closed");
}

void Opening::leave() const noexcept {
  if (calls_.fetch_sub(1) != kClosed + 1) return;
  // Under the mutex, so that close() does not miss it between its look and its wait.
  const std::scoped_lock lock(mutex_);
  idle_.notify_all();
}

void Opening::close() {
  check_process();
  if (engine_->in_transaction()) {
    throw Error(ErrorCode::invalid_argument, "close() inside a transaction of this thread");
  }
  const std::scoped_lock closing(closing_);
  const std::exception_ptr lost = end_companions();
  if ((calls_.fetch_or(kClosed) & kClosed) != 0) return;
  {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [&] { return calls_.load() == kClosed; });
  }
  engine_->drain_tickets();
  OpenFiles::instance().release(*engine_);
  if (lost) std::rethrow_exception(lost);
}

std::shared_ptr<Companion> Opening::companion(
    const std::string& name, const std::function<std::shared_ptr<Companion>()>& make) {
  const std::scoped_lock lock(making_);
  if (no_companions_) throw Error(ErrorCode::closed, "the database was closed");
  auto& companion = companions_[name];
  if (!companion || companion->has_ended()) companion = make();
  return companion;
}

// They hold this object, as whatever borrows it does: so it must let them go.
std::map<std::string, std::shared_ptr<Companion>> Opening::take_companions() {
  const std::scoped_lock lock(making_);
  no_companions_ = true;
  return std::exchange(companions_, {});
}

// All of them, also where one cannot: the first error is for whoever closes, each one for the log.
std::exception_ptr Opening::end_companions() {
  std::exception_ptr first;
  for (const auto& named : take_companions()) {
    const auto& companion = named.second;
    if (!companion) continue;
    try {
      companion->end();
    } catch (const std::exception& error) {
      if (!first) first = std::current_exception();
      engine_->log(LogLevel::error, "changes of " + named.first + " are lost: " + error.what());
    }
  }
  return first;
}

void Opening::abandon_companions() {
  for (const auto& [name, companion] : take_companions()) {
    if (companion && companion->abandon()) {
      engine_->log(LogLevel::error, "changes of " + name + " are lost: closed in a transaction");
    }
  }
}

// The last owner is gone. A destructor has nobody to tell of an error; the file is then as after a
// crash, which loses nothing.
void Opening::end() noexcept {
  try {
    if (engine_->forked()) {
      // Closing SQLite's files here would drop locks of nobody, but change files of the parent: leak all.
      static_cast<void>(new std::shared_ptr<Engine>(std::move(engine_)));
    } else if (!engine_->in_transaction()) {
      close();
    } else if ((calls_.fetch_or(kClosed) & kClosed) == 0) {
      abandon_companions();
      // The transaction came by way of another opening of the same file, which will close it: waiting
      // here for tickets, whose turn is after this transaction, would never end.
      OpenFiles::instance().release(*engine_);
    }
  } catch (...) {
    return;
  }
}

void Opening::check_process() const {
  if (!engine_->forked()) return;
  throw Error(ErrorCode::forked,
              "this process inherited the database through fork(); only its parent may use it");
}

}  // namespace holdfast::engine
